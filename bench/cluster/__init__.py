"""`--engine ray`: the work of a program on the nodes of a cluster.

A node gets descriptions of jobs and gives back results; it never opens the results file. What a job computes is the same
function that a thread runs, so that scores are equal. Functions here are pickled by name: move a module in one commit.
"""
