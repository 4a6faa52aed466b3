"""`--engine ray`: the work of a program on the nodes of a cluster."""
