"""The standard, as dicom-validator takes it, from the tables that the package dicom-standard ships.

dicom-validator reads the standard's DocBook, which it fetches over the network. Innolitics'
dicom-standard has the same tables of PS3.3, PS3.4 and PS3.6 (edition 2020b) as JSON in its wheel:
modules, attributes with their types, and the conditions in words, which dicom-validator parses.
"""

import functools
import json
import re
from html import unescape
from importlib.metadata import distribution

from dicom_validator.spec_reader.condition_parser import ConditionParser
from dicom_validator.spec_reader.serializer import DefinitionEncoder
from dicom_validator.validator.dicom_info import DicomInfo

GROUPS = "multi-frame-functional-groups"
SHARED, PER_FRAME = "(5200,9229)", "(5200,9230)"
SR_CONTENT, ITEM, RELATIONSHIP = "sr-document-content", "document-content", "document-relationship"
VALUE_TYPE, CONTENT = "(0040,A040)", "(0040,A730)"
BY_VALUE_TYPE = {
    "NUM": "numeric-measurement",
    "CODE": "code",
    "COMPOSITE": "composite-object-reference",
    "IMAGE": "image-reference",
    "WAVEFORM": "waveform-reference",
    "SCOORD": "spatial-coordinates",
    "SCOORD3D": "3d-spatial-coordinates",
    "TCOORD": "temporal-coordinates",
    "CONTAINER": "container",
}
"""The macro of each value type of a content item, PS3.3 Table C.17-5; the tables lack the types."""


def tables(name):
    """One of the package's JSON files."""
    [path] = [f for f in distribution("dicom-standard").files if f.name == f"{name}.json"]
    return json.loads(path.locate().read_text(encoding="utf-8"))


@functools.cache
def dictionary():
    """PS3.6: every attribute by its tag."""
    return {
        row["tag"]: {
            "name": row["name"], "vr": row["valueRepresentation"],
            "vm": row["valueMultiplicity"], "prop": "RET" if row["retired"] == "Y" else "",
        }
        for row in tables("attributes")
    }  # fmt: skip


@functools.cache
def conditions():
    return ConditionParser(dictionary())


@functools.cache
def standard_of(sop_class):
    """What dicom-validator has to know of a storage class, and no more.

    Args:
        sop_class: The UID of a SOP class.
    """
    [name] = [row["ciod"] for row in tables("sops") if row["id"] == sop_class]
    [ciod] = [row["id"] for row in tables("ciods") if row["name"] == name]
    used = [row for row in tables("ciod_to_modules") if row["ciodId"] == ciod]
    groups = [row for row in tables("ciod_to_fg_macros") if row["ciodId"] == ciod]
    modules = attributes("module_to_attributes", "moduleId", {row["moduleId"] for row in used})
    macros = attributes("macro_to_attributes", "macroId", {row["macroId"] for row in groups})
    if GROUPS in modules:
        for sequence in (SHARED, PER_FRAME):
            items = modules[GROUPS][sequence].setdefault("items", {})
            items["include"] = [{"ref": "FuncGroup"}]
    if SR_CONTENT in modules:
        modules |= content_modules()
    iod = {
        "title": name,
        "modules": {row["moduleId"]: use(row, "moduleId") for row in used},
        "group_macros": {row["macroId"]: use(row, "macroId") for row in groups},
    }
    known = json.dumps([{sop_class: iod}, modules | macros], cls=DefinitionEncoder)
    return DicomInfo(dictionary(), *json.loads(known))


def content_modules():
    """The content of a report: items, each with the macro of its value type, that hold items."""
    macros = attributes(
        "macro_to_attributes", "macroId", {ITEM, RELATIONSHIP, *BY_VALUE_TYPE.values()}
    )
    of_a_type = {tag for name in BY_VALUE_TYPE.values() for tag in macros[name]}
    item = {tag: known for tag, known in macros[ITEM].items() if tag not in of_a_type}
    item["include"] = [
        {
            "ref": name,
            "cond": {"type": "MN", "tag": VALUE_TYPE, "index": 0, "op": "=", "values": [value]},
        }
        for value, name in BY_VALUE_TYPE.items()
    ]
    both = [{"ref": ITEM}, {"ref": RELATIONSHIP}]
    relationship = macros[RELATIONSHIP]
    below = relationship[CONTENT]["items"]
    own = {tag: below[tag] for tag in ("(0040,A010)", "(0040,DB73)")}
    relationship[CONTENT]["items"] = own | {"include": both}
    return macros | {ITEM: item, SR_CONTENT: {"include": both}}


def use(row, key):
    """How an object uses a module or a macro: always, if it likes, or under a condition."""
    said = row["conditionalStatement"]
    words = f"{row['usage']} - {said}" if said else row["usage"]
    used = {"ref": row[key], "use": words}
    return used | {"cond": conditions().parse(words)} if said else used


def attributes(table, key, wanted):
    """The attributes of modules or of macros, those of sequences within them."""
    found = {name: {} for name in wanted}
    for row in tables(table):
        if row[key] not in wanted or "x" in row["tag"]:  # curves and overlays, in groups 50xx, 60xx
            continue
        *sequences, tag = (
            f"({part[:4]},{part[4:]})".upper() for part in row["path"].split(":")[1:]
        )
        place = found[row[key]]
        for sequence in sequences:
            place = place[sequence].setdefault("items", {})
        place[tag] = attribute(row)
    return found


def attribute(row):
    """An attribute's type, and the condition that its description holds."""
    known = {"name": dictionary()[row["tag"]]["name"], "type": row["type"]}
    if row["type"] not in ("1C", "2C", "3"):
        return known
    words = " ".join(unescape(re.sub(r"<[^>]+>", " ", row["description"])).split())
    condition = conditions().parse(words)
    return known if condition.type == "U" else known | {"cond": condition}
