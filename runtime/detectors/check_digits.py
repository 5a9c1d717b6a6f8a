"""Checks that numbers of cards, accounts and persons carry in themselves.

Each function takes the characters without separators and says whether they fit together. The
algorithms are public standards: ISO/IEC 7812 (cards), ISO 13616 (IBAN), BIP 173 and 350 (bitcoin).
"""

from __future__ import annotations

from hashlib import sha256

_IBAN_LENGTHS = {
    "AD": 24, "AE": 23, "AL": 28, "AT": 20, "AZ": 28, "BA": 20, "BE": 16, "BG": 22, "BH": 22,
    "BR": 29, "BY": 28, "CH": 21, "CR": 22, "CY": 28, "CZ": 24, "DE": 22, "DK": 18, "DO": 28,
    "EE": 20, "EG": 29, "ES": 24, "FI": 18, "FO": 18, "FR": 27, "GB": 22, "GE": 22, "GI": 23,
    "GL": 18, "GR": 27, "GT": 28, "HR": 21, "HU": 28, "IE": 22, "IL": 23, "IQ": 23, "IS": 26,
    "IT": 27, "JO": 30, "KW": 30, "KZ": 20, "LB": 28, "LC": 32, "LI": 21, "LT": 20, "LU": 20,
    "LV": 21, "LY": 25, "MC": 27, "MD": 24, "ME": 22, "MK": 19, "MR": 27, "MT": 31, "MU": 30,
    "NL": 18, "NO": 15, "PK": 24, "PL": 28, "PS": 29, "PT": 25, "QA": 29, "RO": 24, "RS": 22,
    "SA": 24, "SC": 31, "SE": 24, "SI": 19, "SK": 24, "SM": 27, "ST": 25, "SV": 28, "TL": 23,
    "TN": 24, "TR": 26, "UA": 29, "VA": 22, "VG": 24, "XK": 20,
}  # fmt: skip

_BASE58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_BECH32 = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
_GENERATOR = (0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)

_CARDS = (
    ("34", (15,)), ("37", (15,)), ("30", (14, 16)), ("36", (14, 16)), ("38", (14, 16)),
    ("35", (16,)), ("4", (13, 16, 19)), ("5", (16,)), ("6011", (16, 19)), ("65", (16, 19)),
    ("64", (16, 19)), ("62", (16, 17, 18, 19)),
)  # fmt: skip
"""How numbers of card issuers begin, and how long they are."""


def is_card(digits: str) -> bool:
    """The number of a payment card: the range of an issuer, and Luhn's check digit."""
    is_issued = any(digits.startswith(start) and len(digits) in sizes for start, sizes in _CARDS)
    if not is_issued and len(digits) == 16 and digits[0] == "2":
        is_issued = 2221 <= int(digits[:4]) <= 2720
    return is_issued and len(set(digits)) > 1 and luhn(digits)


def luhn(digits: str) -> bool:
    total = 0
    for place, digit in enumerate(reversed(digits)):
        value = int(digit) * (1 + place % 2)
        total += value - 9 * (value > 9)
    return total % 10 == 0


def is_iban(code: str) -> bool:
    """An account number with the length of its country and the remainder 1 modulo 97."""
    if _IBAN_LENGTHS.get(code[:2]) != len(code):
        return False
    return int("".join(str(int(char, 36)) for char in code[4:] + code[:4])) % 97 == 1


def is_us_ssn(digits: str) -> bool:
    """A number that the US Social Security Administration can have given."""
    area, group, serial = digits[:3], digits[3:5], digits[5:]
    if area in ("000", "666") or area[0] == "9" or group == "00" or serial == "0000":
        return False
    return len(set(digits)) > 1 and digits not in ("078051120", "219099999")


def is_us_itin(digits: str) -> bool:
    """A taxpayer number: 9xx, and a middle part in the ranges that are given out."""
    group = int(digits[3:5])
    return digits[0] == "9" and (50 <= group <= 65 or 70 <= group <= 99) and group not in (89, 93)


def is_uk_nhs(digits: str) -> bool:
    check = 11 - sum(int(digit) * (10 - at) for at, digit in enumerate(digits[:9])) % 11
    return check != 10 and check % 11 == int(digits[9]) and len(set(digits)) > 1


def is_pesel(digits: str) -> bool:
    total = sum(
        int(digit) * weight
        for digit, weight in zip(digits, (1, 3, 7, 9, 1, 3, 7, 9, 1, 3, 1), strict=True)
    )
    return total % 10 == 0 and 1 <= int(digits[2:4]) % 20 <= 12 and 1 <= int(digits[4:6]) <= 31


_VERHOEFF = (
    "0123456789", "1234067895", "2340178956", "3401289567", "4012395678",
    "5987604321", "6598710432", "7659821043", "8765932104", "9876543210",
)  # fmt: skip
_PERMUTATION = "1576283094"


def is_aadhaar(digits: str) -> bool:
    """Verhoeff's check digit, and no number that starts with 0 or 1."""
    check = 0
    for place, digit in enumerate(reversed(digits)):
        value = int(digit)
        for _ in range(place % 8):
            value = int(_PERMUTATION[value])
        check = int(_VERHOEFF[check][value])
    return check == 0 and digits[0] not in "01"


def is_spanish_nif(code: str) -> bool:
    number = code[:-1].translate({ord("X"): "0", ord("Y"): "1", ord("Z"): "2"})
    return "TRWAGMYFPDXBNJZSQVHLCKE"[int(number) % 23] == code[-1]


_ODD = (
    1,
    0,
    5,
    7,
    9,
    13,
    15,
    17,
    19,
    21,
    2,
    4,
    18,
    20,
    11,
    3,
    6,
    8,
    12,
    14,
    16,
    10,
    22,
    25,
    24,
    23,
)


def is_italian_fiscal_code(code: str) -> bool:
    total = 0
    for place, char in enumerate(code[:15]):
        value = int(char) if char.isdigit() else ord(char) - 65
        total += value if place % 2 else _ODD[value]
    return chr(total % 26 + 65) == code[15]


def is_bitcoin(address: str) -> bool:
    """A bitcoin address: base58 with a hash, or bech32."""
    return _is_bech32(address) if address[:3].lower() == "bc1" else _is_base58(address)


def _is_base58(address: str) -> bool:
    number = 0
    for char in address:
        number = number * 58 + _BASE58.index(char)
    if number.bit_length() > 200:
        return False
    data = number.to_bytes(25, "big")
    return data[0] in (0, 5) and sha256(sha256(data[:21]).digest()).digest()[:4] == data[21:]


def _is_bech32(address: str) -> bool:
    if address not in (address.lower(), address.upper()):
        return False
    values = [3, 3, 0, 2, 3, *(_BECH32.index(char) for char in address.lower()[3:])]
    check = 1
    for value in values:
        top = check >> 25
        check = (check & 0x1FFFFFF) << 5 ^ value
        for bit, factor in enumerate(_GENERATOR):
            check ^= factor * (top >> bit & 1)
    return check in (1, 0x2BC830A3)
