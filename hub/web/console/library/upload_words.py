"""What the upload pages say about a file that cannot be used, and about what would become of a row."""

from typing import Final

from hub.collection.errors import DuplicateColumnError, RegisterError, UnreadableRegisterError
from hub.registry.meanings import Words
from hub.web.console.forms import FieldError

EFFECTS: Final = {
    "issued": ("新发", "issued", "good"),
    "updated": ("更新", "updated", "wait"),
    "ended": ("终止", "ended", "bad"),
    "unchanged": ("不变", "unchanged", "off"),
    "refused": ("退回", "rejected", "bad"),
}
_UNREADABLE: Final[dict[str, Words]] = {
    "empty": ("文件是空的，或没有表头", "The file is empty, or has no header"),
    "no_rows": ("没有一行是 JSON 对象，请每行写一个", "No line is a JSON object: write one a line"),
    "utf16": ("文件是 UTF-16 编码，请另存为 UTF-8 编码的 CSV", "The file is in UTF-16: save it as CSV in UTF-8"),
    "binary": ("这不是文本文件，请另存为 UTF-8 编码的 CSV", "This is no text: save it as CSV in UTF-8"),
    "spreadsheet": (
        "这是旧版表格文件，请另存为 XLSX 或 UTF-8 编码的 CSV",
        "This is an older spreadsheet: save it as XLSX, or as CSV in UTF-8",
    ),
    "format": ("这不是能读的 XLSX，请重新另存", "This is no XLSX that can be read: save it again"),
    "incomplete": ("文件不完整，请重新上传", "The file is cut off: upload it again"),
    "too_large": (
        "工作簿最大 20 MiB、100 万个单元格，请拆分，或另存为 CSV",
        "A workbook has at most 20 MiB and a million cells: split it, or save it as CSV",
    ),
    "sheet": ("没有这个名称的工作表", "No sheet has this name"),
    "encoding": ("编码不能识别，请另存为 UTF-8", "The encoding is not known: save it as UTF-8"),
    "too_many_columns": ("列数超过 256", "There are more than 256 columns"),
    "declared": ("文件内容与扩展名不符", "The file is not what its name says"),
}


def register_fault(error: RegisterError) -> FieldError:
    """Why the file was not taken, beside the field in which it was chosen."""
    match error:
        case UnreadableRegisterError(reason=reason):
            field = "sheet" if reason == "sheet" else "file"
            words = _UNREADABLE.get(reason, ("表头有误，请检查第一行", "The header is faulty: look at the first line"))
            return FieldError(field, *words)
        case DuplicateColumnError(columns=columns):
            named = "、".join(columns)
            return FieldError("file", f"表头有重复的列：{named}", f"The header names columns more than once: {named}")
        case _:
            return FieldError("file", "文件不能归集", "The file cannot be collected")
