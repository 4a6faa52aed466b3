"""A look at sr and hr before they are scored."""
