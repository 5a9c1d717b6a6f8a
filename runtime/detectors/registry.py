"""The rows of the detectors, parsers and file functions of the standard library.

Data only: importing this module imports no implementation. A row with `engines` depends on what a
machine has; the compiler asks these, and refuses a call that cannot work.
"""

from __future__ import annotations

from dataclasses import replace
from importlib.util import find_spec

from policyc.compiler.signatures import Answer, FunctionKind, Module, Param, Signature
from policyc.compiler.typesystem import (
    ANY,
    BOOL,
    CALLABLE,
    CODE_ISSUE,
    FILE,
    FLOAT,
    HTML_CODE,
    IMAGE_WORD,
    LIST,
    NUMBER,
    OPTIONAL_TEXT,
    PYTHON_CODE,
    SHELL_CODE,
    SHELL_COMMAND,
    SHELL_PIPE,
    SHELL_REDIRECT,
    SHELL_RISK,
    SHELL_UNDECIDABLE,
    TEXT,
    Type,
    list_of,
)
from policyc.runtime.detectors.options import ON_ERROR_PARAM, complete

_HERE = "policyc.runtime.detectors"
_DATA = Param("data")
_LICENSE = "MIT"
"""The license of policyc, which its own detectors and their data have."""

_WINDOW, _MARGIN = 65_536, 4_096
"""Characters that a detector with windows gets at once, and those around each place that it may
need to judge it."""


def _detector(
    where: str,
    name: str,
    *options: Param,
    answer: Answer,
    result: Type,
    doc: str,
    data: str = "data",
    version: str = "1",
    files: tuple[str, ...] = (),
    is_windowed: bool = False,
    is_secret: bool = False,
    engines: str = "",
    extra: str | None = None,
) -> Signature:
    row = Signature(
        name,
        (Param(data), *options),
        result,
        kind=FunctionKind.DETECTOR,
        answer=answer,
        implementation=f"{_HERE}.{where}",
        version=version,
        license=_LICENSE,
        files=tuple(f"{_HERE}:{file}" for file in files),
        window=_WINDOW if is_windowed else 0,
        margin=_MARGIN if is_windowed else 0,
        is_secret=is_secret,
        engines=f"{_HERE}.{engines}" if engines else "",
        extra=extra,
        reaches=False,
        doc=doc,
    )
    return complete(row)


def _plain(where: str, name: str, *parameters: Param, result: Type, doc: str) -> Signature:
    return Signature(
        name, parameters, result, implementation=f"{_HERE}.{where}", reaches=False, doc=doc
    )


def _reader(
    where: str, name: str, *parameters: Param, result: Type, doc: str, extra: str | None = None
) -> Signature:
    """A row of kind `reader`; one that needs an extra has engines, in its module."""
    return replace(
        _plain(where, name, *parameters, result=result, doc=doc),
        kind=FunctionKind.READER,
        extra=extra,
        engines=f"{_HERE}.{where.partition(':')[0]}" if extra else "",
        version="1" if extra else "",
        license=_LICENSE if extra else "",
    )


def _file_function(name: str, *parameters: Param, result: Type, doc: str) -> Signature:
    return Signature(
        name,
        parameters,
        result,
        implementation=f"{_HERE}.files:{name}",
        deterministic=False,
        doc=doc,
    )


_SECRETS = _detector(
    "secrets:detect",
    "secrets",
    Param("rules", OPTIONAL_TEXT, None, harmless=(None,)),
    answer=Answer.TYPES,
    result=list_of(TEXT),
    version="2",
    files=("secrets.toml",),
    is_windowed=True,
    is_secret=True,
    doc="The kinds of the credentials in all texts, one for each; marks them.",
)
_COPYRIGHT = _detector(
    "copyright_notices:detect",
    "copyright",
    Param("threshold", NUMBER, 0.5),
    answer=Answer.DISTINCT,
    result=list_of(TEXT),
    version="2",
    files=("licenses.bin",),
    doc="`COPYRIGHT` for copyright notices, and the licenses of a text; marks them.",
)
_UNICODE = _detector(
    "unicode_categories:detect",
    "unicode",
    Param("categories", LIST, None),
    answer=Answer.DISTINCT,
    result=list_of(TEXT),
    doc="The Unicode categories of the characters (only those in `categories`); marks each.",
)
_FUZZY_CONTAINS = _detector(
    "fuzzy_matching:detect",
    "fuzzy_contains",
    Param("query", TEXT),
    Param("query_similarity_threshold", NUMBER, 0.8),
    Param("use_semantic", BOOL, False),
    answer=Answer.FOUND,
    result=BOOL,
    data="search_text",
    doc="Whether a text contains something like `query`, up to some wrong characters; marks it.",
)
_LINKS = _detector(
    "html:links",
    "links",
    answer=Answer.TEXTS,
    result=list_of(TEXT),
    doc="The addresses in all texts; marks them.",
)
_HTML_CODE = _reader(
    "html:html_code",
    "html_code",
    _DATA,
    result=HTML_CODE,
    doc="What HTML hides from a reader: `alt_texts` of images and `links`; marks what is read.",
)
_PYTHON_CODE = _reader(
    "python_code:python_code",
    "python_code",
    _DATA,
    Param("ipython_mode", BOOL, False),
    result=PYTHON_CODE,
    doc="What Python code imports, calls and runs in a shell; marks what is read of it.",
)
_IPYTHON_CODE = _reader(
    "python_code:ipython_code",
    "ipython_code",
    _DATA,
    result=PYTHON_CODE,
    doc="The same of the code in a notebook cell; marks what is read of it.",
)

_SHELL = _reader(
    "shell.detector:shell",
    "shell",
    _DATA,
    result=SHELL_CODE,
    doc="What shell commands would do: commands, files, hosts, risks; marks what is read of it.",
)
_HAS_POWERSHELL = find_spec("tree_sitter_powershell") is not None
_POWERSHELL = Signature(
    "powershell",
    (_DATA,),
    SHELL_CODE,
    kind=FunctionKind.READER,
    implementation=f"{_HERE}.powershell.detector:powershell" if _HAS_POWERSHELL else "",
    extra="powershell",
    reaches=False,
    missing=None if _HAS_POWERSHELL else "the grammar of PowerShell is not installed",
    doc="What PowerShell commands would do, with the result of `shell`.",
)
_SHELL_TYPES = (
    SHELL_CODE,
    SHELL_COMMAND,
    SHELL_PIPE,
    SHELL_REDIRECT,
    SHELL_RISK,
    SHELL_UNDECIDABLE,
)

_PII_KINDS = (
    "EMAIL_ADDRESS",
    "PHONE_NUMBER",
    "IP_ADDRESS",
    "CREDIT_CARD",
    "IBAN_CODE",
    "US_SSN",
    "US_ITIN",
    "UK_NHS",
    "IN_AADHAAR",
    "PL_PESEL",
    "ES_NIF",
    "IT_FISCAL_CODE",
    "CRYPTO",
    "MAC_ADDRESS",
)
_PII_NAMES = ("PERSON", "LOCATION", "ORGANIZATION", "NRP", "DATE_TIME")
_PII = _detector(
    "personal_data:detect",
    "pii",
    Param(
        "entities",
        LIST,
        None,
        choices=(*_PII_KINDS, *_PII_NAMES),
        extras=tuple((name, "") for name in _PII_NAMES),
    ),
    Param("model", TEXT, "", keyword_only=True, is_fixed=True, harmless=("",)),
    Param("timeout", NUMBER, 30, keyword_only=True),
    answer=Answer.TYPES,
    result=list_of(TEXT),
    engines="personal_data",
    doc="The kinds of personal data in all texts, one for each; marks them.",
)
_OF_MODELS = (
    Param("sha256", TEXT, "", keyword_only=True, is_fixed=True),
    Param("labels", LIST, None, keyword_only=True, is_fixed=True),
    Param("timeout", NUMBER, 30, keyword_only=True),
)
_PROMPT_INJECTION = _detector(
    "injection:detect",
    "prompt_injection",
    Param("model", TEXT, "cues", is_fixed=True, harmless=("cues",)),
    Param("threshold", NUMBER, 0.9),
    *_OF_MODELS,
    answer=Answer.FOUND,
    result=BOOL,
    version="2",
    files=("prompt_injection.toml",),
    engines="injection",
    doc="Whether a text gives orders to the agent, by its wording or by a model; marks where.",
)
_DECEPTIVE_UNICODE = _detector(
    "unicode_tricks:detect",
    "deceptive_unicode",
    Param(
        "kinds",
        LIST,
        None,
        choices=(
            "BIDI_CONTROL",
            "TAG",
            "INVISIBLE",
            "VARIATION_SELECTOR",
            "CONTROL",
            "PRIVATE_USE",
            "SURROGATE",
            "MIXED_SCRIPT",
        ),
    ),
    answer=Answer.DISTINCT,
    result=list_of(TEXT),
    doc="How a text hides or disguises characters: `TAG`, `BIDI_CONTROL` and others; marks them.",
)
_MODERATED = _detector(
    "moderation:detect",
    "moderated",
    Param("model", TEXT, "", is_fixed=True, harmless=()),
    Param("default_threshold", ANY, None),
    Param("cat_thresholds", ANY, None),
    *_OF_MODELS,
    answer=Answer.FOUND,
    result=BOOL,
    engines="moderation",
    extra="moderation",
    doc="Whether a text is harmful, by a model in a folder or a moderation service; marks where.",
)
_OF_SIMILARITY = (
    Param("model", TEXT, keyword_only=True, is_fixed=True, harmless=("lexical",)),
    Param("sha256", TEXT, "", keyword_only=True, is_fixed=True),
    Param("timeout", NUMBER, 30, keyword_only=True),
)
_IS_SIMILAR = _detector(
    "similarity:detect",
    "is_similar",
    Param("target"),
    Param("threshold", ANY, "might_resemble"),
    *_OF_SIMILARITY,
    answer=Answer.FOUND,
    result=BOOL,
    version="2",
    engines="similarity",
    doc="Whether a text is like `target`, by its words or by the model that is named; marks where.",
)
_EMBEDDING_SIMILARITY = replace(
    _plain(
        "similarity:embedding_similarity",
        "embedding_similarity",
        _DATA,
        Param("target"),
        Param("mode", TEXT, "max", choices=("max", "min", "mean")),
        *_OF_SIMILARITY,
        result=FLOAT,
        doc="How alike texts are, from -1 to 1, by the model that is named.",
    ),
    engines=f"{_HERE}.similarity",
    version="1",
    license=_LICENSE,
)
_SEMGREP = replace(
    _reader(
        "semgrep:semgrep",
        "semgrep",
        Param("code"),
        Param("lang", TEXT, choices=("python", "bash")),
        Param("timeout", NUMBER, 30),
        ON_ERROR_PARAM,
        result=list_of(CODE_ISSUE),
        extra="semgrep",
        doc="What semgrep says about code, by rules of policyc; marks the places.",
    ),
    files=tuple(f"{_HERE}:semgrep_{lang}.yaml" for lang in ("python", "bash")),
)
_OCR_OPTIONS = (
    Param("image_data"),
    Param("language", TEXT, "eng"),
    Param("min_confidence", NUMBER, 0),
    Param("timeout", NUMBER, 30),
    ON_ERROR_PARAM,
)
_OCR = _reader(
    "ocr:ocr",
    "ocr",
    *_OCR_OPTIONS,
    result=list_of(TEXT),
    extra="ocr",
    doc="The text of each image, read by tesseract; marks the images with text.",
)
_OCR_WORDS = _reader(
    "ocr:ocr_words",
    "ocr_words",
    *_OCR_OPTIONS,
    result=list_of(IMAGE_WORD),
    extra="ocr",
    doc="The words in images, each with its confidence and place in the image; marks the images.",
)

_WORKSPACE = Param("workspace_path", TEXT)
_PATH = Param("path", TEXT, ".")
_GLOB = Param("pattern", OPTIONAL_TEXT, None)
_TREE = Param("tree", BOOL, True)

_FILES = (
    _file_function(
        "get_files",
        _WORKSPACE,
        _PATH,
        _GLOB,
        result=list_of(TEXT),
        doc="The paths of the files in a folder of the workspace.",
    ),
    _file_function(
        "get_tree_files",
        _WORKSPACE,
        _PATH,
        _GLOB,
        result=list_of(TEXT),
        doc="The paths of the files in a folder of the workspace and in the folders below it.",
    ),
    _file_function(
        "get_file_content",
        _WORKSPACE,
        Param("file_path", TEXT),
        result=FILE,
        doc="A file of the workspace: its `path` and `content`.",
    ),
    _file_function(
        "get_file_contents",
        _WORKSPACE,
        _PATH,
        _GLOB,
        _TREE,
        result=list_of(FILE),
        doc="The files in a folder of the workspace, by default also those below it.",
    ),
    _file_function(
        "is_sensitive",
        Param("file", FILE),
        Param("func", CALLABLE),
        result=BOOL,
        doc="Whether a function finds something in the content of a file.",
    ),
    _file_function(
        "is_sensitive_dir",
        _WORKSPACE,
        Param("funcs", LIST),
        _PATH,
        _GLOB,
        _TREE,
        result=BOOL,
        doc="Whether one of some functions finds something in a file of a folder.",
    ),
)
_SHOULD_ALLOW_RBAC = _plain(
    "access_control:should_allow_rbac",
    "should_allow_rbac",
    _DATA,
    Param("scope", TEXT),
    Param("user", TEXT),
    Param("user_roles"),
    Param("role_grants"),
    result=BOOL,
    doc="Whether a role of a user has a grant for a scope.",
)


def _module(name: str, *rows: Signature, types: tuple[Type, ...] = ()) -> Module:
    return Module(name, {row.name: row for row in rows}, {type_.name: type_ for type_ in types})


_CODE = (_PYTHON_CODE, _IPYTHON_CODE, _SEMGREP)
_SIMILARITY = (_IS_SIMILAR, _EMBEDDING_SIMILARITY)
_PARSERS = (_HTML_CODE, _LINKS, _OCR, _OCR_WORDS)

MODULES: dict[str, Module] = {
    module.name: module
    for module in (
        _module(
            "invariant.detectors",
            _SECRETS,
            _COPYRIGHT,
            _UNICODE,
            _FUZZY_CONTAINS,
            _PII,
            _PROMPT_INJECTION,
            _DECEPTIVE_UNICODE,
            _MODERATED,
            *_CODE,
            _SHELL,
            _POWERSHELL,
            *_SIMILARITY,
            types=(CODE_ISSUE, PYTHON_CODE, *_SHELL_TYPES),
        ),
        _module("invariant.detectors.secrets", _SECRETS),
        _module("invariant.detectors.copyright", _COPYRIGHT),
        _module(
            "invariant.detectors.prompt_injection",
            _UNICODE,
            _PROMPT_INJECTION,
            _DECEPTIVE_UNICODE,
        ),
        _module("invariant.detectors.pii", _PII),
        _module("invariant.detectors.moderation", _MODERATED),
        _module("invariant.detectors.code", *_CODE, types=(CODE_ISSUE, PYTHON_CODE)),
        _module("invariant.detectors.shell", _SHELL, _POWERSHELL, types=_SHELL_TYPES),
        _module("invariant.detectors.sentence_similarity", *_SIMILARITY),
        _module("invariant.detectors.fuzzy_matching", _FUZZY_CONTAINS),
        _module("invariant.parsers", *_PARSERS, types=(HTML_CODE, IMAGE_WORD)),
        _module("invariant.parsers.html", _HTML_CODE, _LINKS, types=(HTML_CODE,)),
        _module("invariant.parsers.ocr", _OCR, _OCR_WORDS, types=(IMAGE_WORD,)),
        _module("invariant.files", *_FILES, types=(FILE,)),
        _module("invariant.access_control", _SHOULD_ALLOW_RBAC),
    )
}
"""Importable modules, by their full name."""
