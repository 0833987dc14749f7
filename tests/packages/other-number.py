# SPDX-License-Identifier: MIT
# other-number.py FROM TO SYMBOL: a shared object (ELF, 64 bits) whose table of that name begins with a number
# raised by one, as an update that raises it would have it.
import struct
import sys

source, target, name = sys.argv[1:]
data = bytearray(open(source, "rb").read())
section_at, = struct.unpack_from("<Q", data, 40)
size, count = struct.unpack_from("<HH", data, 58)
# name, type, flags, address, offset, size, link, info, alignment, entry size
sections = [struct.unpack_from("<IIQQQQIIQQ", data, section_at + i * size) for i in range(count)]
SHT_DYNSYM = 11
symbols = next(s for s in sections if s[1] == SHT_DYNSYM)
strings = sections[symbols[6]][4]
for at in range(symbols[4], symbols[4] + symbols[5], symbols[9]):
    text, _, _, where, address, _ = struct.unpack_from("<IBBHQQ", data, at)
    if data[strings + text:].split(b"\0", 1)[0] == name.encode():
        home = sections[where]
        offset = address - home[3] + home[4]
        struct.pack_into("<I", data, offset, struct.unpack_from("<I", data, offset)[0] + 1)
        break
else:
    sys.exit(f"no {name} in {source}")
open(target, "wb").write(data)
