"""Compression of VBA source as [MS-OVBA] 2.4.1 describes it: chunks of 4,096 bytes, tokens that copy from within the chunk."""

from __future__ import annotations

import struct

SIGNATURE = b"\x01"
CHUNK = 4096
COMPRESSED, PLAIN = 0xB000, 0x3000  # bits 12-14 of a chunk's header are 0b011, bit 15 says that it is compressed
SIZE = 0x0FFF  # bits 0-11: the size of the chunk with its header, less 3
LEAST = 3  # bytes that a copy saves anything on
FEWEST_BITS = 4  # of an offset
TRIES = 32  # earlier places that are looked at for the longest copy: more gains little


def compress(text: bytes) -> bytes:
    """Compress; the same bytes give the same bytes.

    Source: [MS-OVBA] 2.4.1.3.6
    """
    chunks = (_chunk(text[start : start + CHUNK]) for start in range(0, len(text), CHUNK))
    return SIGNATURE + b"".join(chunks)


def decompress(data: bytes) -> bytes:
    """What was compressed.

    Raises:
        ValueError: the bytes are no compressed container
        Source: [MS-OVBA] 2.4.1.3.1
    """
    if not data.startswith(SIGNATURE):
        raise ValueError("no compressed container")
    text, place = bytearray(), len(SIGNATURE)
    while place < len(data):
        (header,) = struct.unpack_from("<H", data, place)
        end = min(place + (header & SIZE) + LEAST, len(data))
        if header & ~SIZE == COMPRESSED:
            _expand(data[place + 2 : end], text)
        else:
            text += data[place + 2 : end]
        place = end
    return bytes(text)


def _offset_bits(done: int) -> int:
    """How many of a copy's 16 bits hold its offset, after so many bytes of the chunk; the rest hold its length."""
    return max((done - 1).bit_length(), FEWEST_BITS)


def _expand(tokens: bytes, text: bytearray) -> None:
    start, place = len(text), 0
    while place < len(tokens):
        flags = tokens[place]
        place += 1
        for bit in range(8):
            if place >= len(tokens):
                break
            if not flags >> bit & 1:
                text.append(tokens[place])
                place += 1
                continue
            (token,) = struct.unpack_from("<H", tokens, place)
            place += 2
            length_bits = 16 - _offset_bits(len(text) - start)
            origin = len(text) - (token >> length_bits) - 1
            for n in range((token & (1 << length_bits) - 1) + LEAST):  # byte by byte: a copy may reach into itself
                text.append(text[origin + n])


def _chunk(text: bytes) -> bytes:
    body, done, seen = bytearray(), 0, dict[bytes, list[int]]()
    while done < len(text):
        flags, tokens = 0, bytearray()
        for bit in range(8):
            if done >= len(text):
                break
            length, offset = _longest(text, done, seen)
            if length:
                flags |= 1 << bit
                tokens += struct.pack("<H", offset - 1 << 16 - _offset_bits(done) | length - LEAST)
            else:
                tokens.append(text[done])
            for place in range(done, done + max(length, 1)):
                seen.setdefault(text[place : place + LEAST], []).append(place)
            done += max(length, 1)
        body.append(flags)
        body += tokens
    if len(body) > CHUNK:
        return struct.pack("<H", PLAIN | CHUNK + 2 - LEAST) + text.ljust(CHUNK, b"\0")
    return struct.pack("<H", COMPRESSED | len(body) + 2 - LEAST) + bytes(body)


def _longest(text: bytes, done: int, seen: dict[bytes, list[int]]) -> tuple[int, int]:
    """Length and offset of the longest run that stood earlier in the chunk; 0 where none is worth a copy."""
    best = offset = 0
    most = min((1 << 16 - _offset_bits(done)) - 1 + LEAST, len(text) - done) if done else 0
    for origin in reversed(seen.get(text[done : done + LEAST], [])[-TRIES:]) if most >= LEAST else ():
        length = LEAST
        while length < most and text[origin + length] == text[done + length]:
            length += 1
        if length > best:
            best, offset = length, done - origin
    return best, offset
