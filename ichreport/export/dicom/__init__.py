"""Findings as DICOM objects that go into a PACS beside the study: report, captures, heat.

Start with `requirement.require`, then `write.write_study`: the other modules import highdicom.
"""
