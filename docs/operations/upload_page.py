"""The last step of `make deploy`: upload the page and its sentences to the site bucket.

`python docs/operations/upload_page.py [STACK]`, where STACK defaults to `keyferry`.
"""

import sys
from pathlib import Path, PurePosixPath

import boto3

from keyferry_admin.errors import NoSuchStack
from keyferry_admin.stack import Stack
from keyferry_admin.use_cases.site import site_files

SITE = Path(__file__).parents[2] / "static-site"
TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".ts": "text/plain; charset=utf-8",  # types.d.ts, which browsers do not load
}


def main() -> int:
    stack = Stack(sys.argv[1] if len(sys.argv) > 1 else "keyferry")
    try:
        bucket, page = stack.output("SiteBucket"), stack.output("PageUrl")
    except NoSuchStack as error:
        print(error, file=sys.stderr)
        return 1
    s3 = boto3.client("s3")
    files = site_files(SITE)
    for path, content in files.items():
        s3.put_object(
            Bucket=bucket,
            Key=path,
            Body=content,
            ContentType=TYPES[PurePosixPath(path).suffix],
            CacheControl="no-cache",  # browsers revalidate, so nobody sees an older page
        )
    print(f"{len(files)} files of the page are at {page}/")
    return 0


if __name__ == "__main__":
    sys.exit(main())
