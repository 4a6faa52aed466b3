"""`--tile`: an upscaler's images a tile at a time."""
