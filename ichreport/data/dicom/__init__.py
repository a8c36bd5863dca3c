"""One DICOM file to one slice in HU, or to a reject."""
