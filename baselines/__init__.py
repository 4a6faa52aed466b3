"""What the networks are compared with: bicubic, SRCNN, the Gatys optimisation, histogram matching."""
