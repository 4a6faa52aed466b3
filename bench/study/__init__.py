"""The machinery of `bench.preference`: a preference study from its plan to its result.

`plan.py` draws the pairs, `page.py` writes the page and its key, `answers.py` validates what workers send, `score.py`
counts. Answers come from people whom nobody knows: nothing of them is used before `answers.py` has validated it.
"""
