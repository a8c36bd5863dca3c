"""From DICOM folders to a store of slices, and from the store to samples."""
