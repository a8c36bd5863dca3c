"""Augmentation of training slices: drawn on the host by seed, applied to HU on the device.

What is drawn for a slice is a few numbers, so that it is the same on every backend and on any
number of devices. All that moves pixels is composed into one transform, for one bilinear
resampling; what changes HU follows. Each of the two keeps the order of the list. A slice's
neighbours move and change with it.
"""
