"""A folder of DICOM files becomes a store."""
