"""What a header says of how a series was made, and what is kept of free text: a class."""

import numpy as np
import pytest

from ichreport.data.dicom.acquisition import class_of_description, class_of_kernel


@pytest.mark.parametrize(
    ("description", "expected"),
    [
        ("CT PLAIN THIN", "without contrast"),
        ("CT Plain", "without contrast"),
        ("5/5mm Plain", "without contrast"),
        ("Routine Brain", "head"),
        ("CT 5mm", "unknown"),
        ("CT 0.625mm", "unknown"),
        ("BONE", "bone"),
        ("POST CONTRAST", "with contrast"),
        ("C+", "with contrast"),
        ("C", "with contrast"),
        ("CT Plain-2", "without contrast"),
        ("HEAD W/O", "without contrast"),
        ("Head without contrast", "without contrast"),
        ("Schädel nativ", "without contrast"),
        ("Schädel", "head"),
        ("Kopf KM", "with contrast"),
        ("NCCT", "without contrast"),
        ("Topogram 0.6 T80s", "scout"),
        ("Scout", "scout"),
        ("COR 3.0 MPR", "reformat"),
        ("Sagittal", "reformat"),
        ("CTA Head", "angiography"),
        ("Head Angio", "angiography"),
        ("Dose Report", "report"),
        ("Perfusion CBF", "perfusion"),
        ("MIP axial", "projection"),
        ("C-SPINE", "other region"),
        ("Neck", "other region"),
        ("Thorax", "other region"),
        ("Temporal bones", "other region"),
        ("MUELLER^HANS", "unknown"),
        ("", "unknown"),
        ("Cortex", "unknown"),
        ("Sagan", "unknown"),
        ("HEAD LOW DOSE", "head"),
        ("Ped head Low-Dose", "head"),
        ("Stroke Protocol 5mm", "unknown"),
        ("5mm Head Protocol", "head"),
        ("CT HEAD POST OP", "head"),
        ("POST FOSSA 2.5", "unknown"),
        ("HEAD POST", "with contrast"),
        ("Head post-contrast", "with contrast"),
        ("AXIAL BRAIN 3D", "head"),
        ("ohne Kontrast Knochenfenster", "bone"),
        ("Head w/o bone", "bone"),
        ("plain bone", "bone"),
        ("Bone with contrast", "with contrast"),
    ],
)
def test_a_description_is_of_the_kind_that_its_words_say(description, expected):
    assert class_of_description(description) == expected


@pytest.mark.parametrize(
    ("kernels", "expected"),
    [
        (["H31s", "H40s", "J40s", "Hr40f", "Hr38", "B30f", "H10s"], "soft"),
        (["H60s", "H70h", "Hr59", "B70f", "J70h", "Br64"], "sharp"),
        (["STANDARD", "SOFT", "standard ", "UB", "A", "FC20", "FC26", "FC64"], "soft"),
        (["BONE", "BONEPLUS", "EDGE", "DETAIL", "LUNG", "YB", "D", "FC30", "FC81"], "sharp"),
        (["", "UNKNOWN", "31", "H3", "FC"], ""),
    ],
)
def test_kernels_are_soft_or_sharp_by_the_makers_names(kernels, expected):
    assert {class_of_kernel(kernel) for kernel in kernels} == {expected}


def test_what_a_header_says_of_the_scan_is_read(made):
    read = made(
        extra=[
            (0x00180050, "DS", "5.0"),
            (0x00180088, "DS", "-4.5"),
            (0x00181210, "SH", "Hr40f\\2"),
            (0x00180010, "LO", "ULTRAVIST"),
            (0x00080070, "LO", "SIEMENS Healthineers"),
            (0x00081090, "LO", "SOMATOM Definition AS+"),
            (0x0008103E, "LO", "Schädel nativ 5mm".encode()),
            (0x00080008, "CS", "ORIGINAL\\PRIMARY\\AXIAL"),
        ]
    ).header.acquisition
    assert (read.thickness, read.spacing_between, read.kernel) == (5.0, 4.5, "Hr40f")
    assert (read.contrast, read.manufacturer, read.model) == (
        True,
        "SIEMENS",
        "SOMATOM Definition AS+",
    )
    assert (read.description, read.image_type) == ("without contrast", "original")


def test_what_is_missing_or_damaged_costs_no_slice(made):
    for words in ({}, {"extra": [(0x00180050, "DS", "thick"), (0x00181210, "SH", "x" * 99)]}):
        read = made(**words).header.acquisition
        assert np.isnan(read.thickness)
        assert (read.kernel, read.contrast, read.image_type) == ("", False, "")


@pytest.mark.parametrize(
    "agent",
    [
        *("", "NONE", "no", "-", "0", "ohne", "N", "NO CONTRAST", "without contrast", "ohne KM"),
        *("W/O", "nativ", "N/A", "keine", "--", "Kein Kontrastmittel", "non contrast", "not given"),
    ],
)
def test_no_agent_is_no_contrast(made, agent):
    assert not made(extra=[(0x00180010, "LO", agent)]).header.acquisition.contrast


@pytest.mark.parametrize(
    "agent",
    [
        *("Omnipaque 300", "Non-ionic", "Nonionic", "CE", "Йогексол", "碘海醇", "オムニパーク"),
        *("Accupaque 350 mg/ml " * 4, "NaCl + Ultravist", "Sinografin", "Novopaque"),
    ],
)
def test_an_agent_is_one_in_any_language_and_length(made, agent):
    assert made(extra=[(0x00180010, "LO", agent.encode())]).header.acquisition.contrast


def test_of_free_text_only_what_is_known_stays(made):
    read = made(
        extra=[
            (0x00181210, "SH", "DOE^JANE 1950"),
            (0x00080070, "LO", "DOE^JANE"),
            (0x00081090, "LO", "Scanner of DOE^JANE"),
        ]
    ).header.acquisition
    assert (read.kernel, read.manufacturer, read.model) == ("", "", "")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("DERIVED\\PRIMARY\\AXIAL", "derived"),
        ("ORIGINAL\\SECONDARY\\AXIAL", "secondary"),
        ("original\\primary", "original"),
        ("ODD", ""),
    ],
)
def test_a_type_of_image_is_original_derived_or_secondary(made, text, expected):
    assert made(extra=[(0x00080008, "CS", text)]).header.acquisition.image_type == expected
