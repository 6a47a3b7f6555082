"""Octets to characters, and the transfer encodings. RFC 2045 §6, RFC 2046 §4.1.2.

Charsets are looked up in our own table: a name from a message never reaches Python's codec search.
"""

import binascii
import re

_NOT_BASE64 = re.compile(rb"[^A-Za-z0-9+/]+")
_CODECS = {
    "utf-8": "utf-8 utf8 unicode-1-1-utf-8 x-unknown unknown-8bit",
    # Windows-1252 is what senders of latin-1 and of ASCII with accents mean (WHATWG Encoding §4.2).
    "cp1252": "us-ascii ascii iso-8859-1 iso8859-1 latin1 latin-1 l1 windows-1252 cp1252 x-cp1252 ansi_x3.4-1968 iso_8859-1",
    "cp1256": "windows-1256 cp1256 x-cp1256",
    "iso8859-6": "iso-8859-6 iso8859-6 iso_8859-6 iso-8859-6-i iso-8859-6-e arabic asmo-708 ecma-114",
    "cp720": "dos-720 cp720 ibm720",
    "cp864": "cp864 ibm864",
    "mac_arabic": "x-mac-arabic macarabic",
    "iso8859-15": "iso-8859-15 iso8859-15 latin9 latin-9",
    "mac_roman": "macintosh x-mac-roman mac-roman",
    "cp850": "cp850 ibm850",
    "cp437": "cp437 ibm437",
    "iso8859-2": "iso-8859-2 latin2",
    "iso8859-3": "iso-8859-3 latin3",
    "iso8859-4": "iso-8859-4 latin4",
    "iso8859-5": "iso-8859-5 cyrillic",
    "iso8859-7": "iso-8859-7 greek",
    "iso8859-8": "iso-8859-8 iso-8859-8-i hebrew",
    "cp1254": "iso-8859-9 latin5 windows-1254 cp1254",
    "iso8859-10": "iso-8859-10 latin6",
    "iso8859-13": "iso-8859-13",
    "iso8859-14": "iso-8859-14",
    "iso8859-16": "iso-8859-16",
    "cp1250": "windows-1250 cp1250",
    "cp1251": "windows-1251 cp1251",
    "cp1253": "windows-1253 cp1253",
    "cp1255": "windows-1255 cp1255",
    "cp1257": "windows-1257 cp1257",
    "cp1258": "windows-1258 cp1258",
    "cp874": "windows-874 tis-620 iso-8859-11",
    "koi8-r": "koi8-r",
    "koi8-u": "koi8-u",
    "gb18030": "gb18030 gbk gb2312 cp936 x-gbk euc-cn hz-gb-2312",
    "big5hkscs": "big5 big5-hkscs cn-big5",
    "cp932": "shift_jis shift-jis sjis cp932 windows-31j x-sjis ms_kanji",
    "euc_jp": "euc-jp x-euc-jp",
    "iso2022_jp_2": "iso-2022-jp iso-2022-jp-2 csiso2022jp",
    "cp949": "euc-kr ks_c_5601-1987 cp949 windows-949 korean",
    "utf-16": "utf-16 ucs-2 unicode",
    "utf-16-le": "utf-16le",
    "utf-16-be": "utf-16be",
}
_BY_NAME = {alias: codec for codec, aliases in _CODECS.items() for alias in aliases.split()}


def decode(data: bytes, charset: str) -> str:
    """Return `data` as characters. An unknown or empty charset means UTF-8 when it is that, else Windows-1252."""
    codec = _BY_NAME.get(charset.lower()) if charset else None
    if codec is None or codec == "cp1252":
        try:
            return data.decode("utf-8")
        except UnicodeDecodeError:
            codec = "cp1252"
    return data.decode(codec, "replace")


def base64(data: bytes) -> bytes:
    """Decode base64 as leniently as mail needs: foreign octets are skipped, a cut tail keeps what it holds."""
    try:
        return binascii.a2b_base64(data)
    except binascii.Error:
        letters = _NOT_BASE64.sub(b"", data)
        if len(letters) % 4 == 1:
            letters = letters[:-1]
        return binascii.a2b_base64(letters + b"=" * (-len(letters) % 4))


def transfer_decode(data: bytes, encoding: str) -> bytes:
    """Undo a Content-Transfer-Encoding; identity for 7bit, 8bit, binary and what nobody knows. RFC 2045 §6."""
    if encoding == "base64":
        return base64(data)
    if encoding == "quoted-printable":
        return binascii.a2b_qp(data)
    return data
