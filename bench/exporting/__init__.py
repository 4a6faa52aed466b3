"""Results as other tools read them: long tables, the Hub's evaluation results, a block for a model card."""
