"""Archives that depend on their content alone: fixed times, owners, modes and order.

The same files make the same bytes, with one version of zlib. So an unchanged function is not uploaded again, and a release can
be compared with a build of one's own.
"""

import gzip
import io
import tarfile
import zipfile

# The earliest time that a zip can have.
ZIP_TIME = (1980, 1, 1, 0, 0, 0)
# Time of the members of a tar archive: the same moment, in seconds since 1970.
TAR_TIME = 315_532_800
UNIX = 3


def function_zip(bootstrap):
    """The zip of a function: its binary, executable, under the name that Lambda starts."""
    member = zipfile.ZipInfo("bootstrap", ZIP_TIME)
    member.create_system = UNIX
    member.external_attr = 0o100755 << 16
    member.compress_type = zipfile.ZIP_DEFLATED
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr(member, bootstrap, compresslevel=9)
    return packed.getvalue()


def tar_gz(folder, files, executables=()):
    """A tar.gz with one folder. `files` are contents by name."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for name, content in sorted(files.items()):
            member = tarfile.TarInfo(f"{folder}/{name}")
            member.size, member.mtime = len(content), TAR_TIME
            member.mode = 0o755 if name in executables else 0o644
            archive.addfile(member, io.BytesIO(content))
    # Without the time that gzip would put into its header.
    return gzip.compress(packed.getvalue(), 9, mtime=0)
