"""Unpacks the AWS CLI v2 that the package of awscli.txt brings, as `bin/aws` of a virtual environment.

    ENVIRONMENT/bin/python unpack_awscli.py
"""

import io
import sys
import tarfile
import zipfile
from pathlib import Path

ENVIRONMENT = Path(sys.prefix)


def main():
    # Not imported: the package would start Node.js.
    [package] = ENVIRONMENT.glob("lib/python3*/site-packages/aws_cdk/asset_awscli_v2/_jsii/*.tgz")
    with tarfile.open(package) as archive:
        layer = archive.extractfile("package/lib/layer.zip").read()
    with zipfile.ZipFile(io.BytesIO(layer)) as archive:
        for entry in archive.infolist():
            path = Path(archive.extract(entry, ENVIRONMENT / "layer"))
            # `zipfile` does not restore modes.
            if path.is_file() and entry.external_attr >> 16 & 0o111:
                path.chmod(0o755)
    [program] = ENVIRONMENT.glob("layer/awscli/v2/2.*/dist/aws")
    link = ENVIRONMENT / "bin" / "aws"
    link.unlink(missing_ok=True)
    link.symlink_to(program)


if __name__ == "__main__":
    main()
