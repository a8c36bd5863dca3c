"""Synthetic head CTs, written as DICOM in the layout of the RSNA 2019 challenge."""

from ichreport.phantom.rsna_folder import write_phantom

__all__ = ["write_phantom"]
