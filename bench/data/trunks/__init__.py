"""The convolutions of AlexNet and VGG-16, which LPIPS, DISTS, the feature distance and the losses stand on.

One file per network, in torchvision's names, from whichever source has it (:mod:`bench.data.trunks.sources`).
"""
