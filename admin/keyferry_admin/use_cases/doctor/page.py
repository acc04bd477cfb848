"""Whether customers reach the page and the API: files, certificate, DNS, origin secret."""

import http.client
import json
import socket
import ssl
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import md5
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from keyferry_admin.errors.commands import BadOwnFile
from keyferry_admin.use_cases.doctor.deployment import Deployment
from keyferry_admin.use_cases.doctor.finding import OK, PROBLEM, UNKNOWN, WARNING, Finding
from keyferry_admin.use_cases.site import site_files
from keyferry_admin.use_cases.vendor_json import problems, read_own, vendor_file

PATIENCE_S = 30  # as long as CloudFront waits for the API
NO_TICKET = "A" * 43  # of the form of a ticket's id, and nobody's
MOST = 2**20  # bytes of an answer; nothing of this stack's page is larger
SOON_DAYS = 30  # ACM renews its own certificates 60 days before they end
SHOWN = 3  # files by name in one line
TOO_MANY = 429  # calls
VENDOR = "vendor.json"


@dataclass(frozen=True, slots=True)
class Files:
    """The MD5 of each file in the site bucket, and of each file of this release."""

    uploaded: Mapping[str, str]
    expected: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back from the page's address, as a browser would get it."""

    status: int = 0  # 0: nothing came back
    body: bytes = b""
    error: str = ""  # why nothing came back: dns, tls, or another reason in words


@dataclass(frozen=True, slots=True)
class Certificate:
    """A certificate as ACM describes it."""

    status: str  # ISSUED, PENDING_VALIDATION, EXPIRED, ...
    names: Sequence[str]
    days_left: int | None  # None: it was never issued


def check_files(deployment: Deployment) -> list[Finding]:
    """Compare the page with the site bucket. Raises BadOwnFile."""
    if not (deployment.site / "index.html").is_file():
        text = f"Could not compare: there is no page in the folder {deployment.site}"
        step = "Run this in the folder of the release that you deployed, or name it with --site."
        return [Finding("page", UNKNOWN, text, step)]
    own = deployment.site.parent / "vendor"
    _check_vendor(deployment.site, own)
    files = site_files(deployment.site, own)
    expected = {name: digest(data) for name, data in files.items()}
    if deployment.is_embedded:  # `make run` writes the page's address into it
        del expected[VENDOR]
    return judge_files(Files(_uploaded(deployment), expected))


def _check_vendor(site: Path, own: Path) -> None:
    """Raise BadOwnFile if no page can be made with vendor.json."""
    file = vendor_file(site, own)
    if wrong := problems(read_own(file), (site / "page.css").read_text("utf-8")):
        raise BadOwnFile(f"{file}: {' '.join(wrong)}")


def judge_files(files: Files) -> list[Finding]:
    """One finding that names the files that are missing, and those of another release."""
    missing = sorted(files.expected.keys() - files.uploaded.keys())
    changed = {name for name, _ in files.expected.items() - files.uploaded.items()}
    others = sorted(changed - set(missing))
    if not missing and not others:
        text = f"All {len(files.expected)} files are those of this release"
        return [Finding("page", OK, text)]
    parts = [f"missing: {_some(missing)}"] if missing else []
    parts += [f"not of this release: {_some(others)}"] if others else []
    step = "Upload the page: .venv/bin/python docs/operations/upload_page.py"
    facts = {"missing": missing, "different": others}
    return [Finding("page", PROBLEM, f"Files are {'; '.join(parts)}", step, facts)]


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + more


def _uploaded(deployment: Deployment) -> dict[str, str]:
    """The ETags of the site bucket, which are MD5 sums: one PUT each, encrypted by S3's own key."""
    pages = deployment.client("s3").get_paginator("list_objects_v2")
    return {
        item["Key"]: item["ETag"].strip('"')
        for page in pages.paginate(Bucket=deployment.stack.output("SiteBucket"))
        for item in page.get("Contents", [])
    }


def digest(data: bytes) -> str:
    """The MD5 of a file, as S3 computes it."""
    return md5(data, usedforsecurity=False).hexdigest()


def check_address(deployment: Deployment) -> list[Finding]:
    """Whether customers reach the page and the API at the page's address."""
    page = deployment.stack.output("PageUrl")
    domain = deployment.stack.output("DistributionDomain")
    findings = []
    if deployment.stack.parameter("AliasHere") == "false":
        findings.append(elsewhere(page))
        page = f"https://{domain}"
    vendor = fetch(f"{page}/{VENDOR}")
    findings += judge_address(page, domain, vendor, _uploaded(deployment).get(VENDOR, ""))
    if findings[-1].result == OK:
        findings += judge_api(page, fetch(f"{page}/api/requests/{NO_TICKET}"))
    return findings


def elsewhere(page: str) -> Finding:
    """The warning for a stack that has the certificate of the page's host, but not the host."""
    text = f"{urlsplit(page).hostname} belongs to another stack (AliasHere is false)"
    step = "Deploy with AliasHere=true as soon as it is moved here: docs/operations/cloudfront.md"
    return Finding("address", WARNING, text, step)


class _StaysHere(urllib.request.HTTPRedirectHandler):
    """A redirect is an answer: whoever owns the host may lead to any address near this computer."""

    def redirect_request(self, *_: Any, **__: Any) -> None:
        return None


def fetch(url: str) -> Answer:
    """Get a URL, whatever its status. Nothing is believed of who answers."""
    opener = urllib.request.build_opener(_StaysHere)
    try:
        try:
            reply = opener.open(url, timeout=PATIENCE_S)
        except urllib.error.HTTPError as error:
            reply = error
        with reply:
            return Answer(reply.status, reply.read(MOST))
    except urllib.error.URLError as error:
        match error.reason:
            case socket.gaierror():
                return Answer(error="dns")
            case ssl.SSLError():
                return Answer(error="tls")
        return Answer(error=str(error.reason))
    except OSError as error:  # the connection broke while it was read
        return Answer(error=str(error))
    except http.client.HTTPException as error:  # its text would be what was sent
        return Answer(error=type(error).__name__)


def judge_address(page: str, domain: str, vendor: Answer, uploaded: str) -> list[Finding]:
    """`uploaded` is the digest of vendor.json in the bucket, which must come back."""
    host, facts = urlsplit(page).hostname, {"status": vendor.status}
    record = f"Point it at this stack in your DNS: {host} CNAME {domain}"
    if vendor.error == "dns":
        text = f"{host} has no address in the DNS"
        return [Finding("address", PROBLEM, text, f"{record} (or an alias record).", facts)]
    if vendor.error == "tls":
        text = f"Browsers do not trust the certificate of {host}"
        return [Finding("address", PROBLEM, text, f"{record}, and check CertificateArn.", facts)]
    if vendor.error:
        text = f"Could not reach {page} from this computer: {vendor.error}"
        step = "Open it in a browser. If that works, only this computer cannot reach it."
        return [Finding("address", UNKNOWN, text, step, facts)]
    if vendor.status == TOO_MANY:
        return [_asked_too_often("address", page)]
    if vendor.status != 200 or digest(vendor.body) != uploaded:
        text = f"{page} answers, but not with this stack's page (status {vendor.status})"
        step = f"Upload the page if a file is missing. Otherwise: {record}"
        return [Finding("address", PROBLEM, text, step, facts)]
    return [Finding("address", OK, f"{page} shows this stack's page", "", facts)]


def judge_api(page: str, answer: Answer) -> list[Finding]:
    """The API must say that a ticket was not found, or that this network has asked too often."""
    facts = {"status": answer.status}
    try:
        code = json.loads(answer.body)["code"]
    except (ValueError, KeyError, TypeError):
        code = ""
    if code in ("not-found", "too-many-requests"):  # what only our own function says
        return [Finding("service", OK, f"{page}/api answers", "", facts)]
    if answer.status == TOO_MANY:
        return [_asked_too_often("service", f"{page}/api")]
    if answer.status == 404 and not code:  # the page that CloudFront shows in place of a 403
        text = "The API refuses its own page: CloudFront sends another origin secret"
        step = "keyferry-admin origin-secret rotate"
        return [Finding("service", PROBLEM, text, step, facts)]
    text = (
        f"{page}/api does not answer (status {answer.status}{answer.error and ': '}{answer.error})"
    )
    step = "Read the log of the function public_api in CloudWatch."
    return [Finding("service", PROBLEM, text, step, facts)]


def _asked_too_often(name: str, address: str) -> Finding:
    """What a web ACL or a throttle says, before anything of ours is asked."""
    text = f"{address} takes no more calls from this network now (status {TOO_MANY})"
    step = "Wait five minutes, then run this again. If it lasts: docs/operations/abuse.md"
    return Finding(name, UNKNOWN, text, step, {"status": TOO_MANY})


def check_certificate(deployment: Deployment) -> list[Finding]:
    """Whether the page's host has a certificate that browsers trust for some time."""
    page = deployment.stack.output("PageUrl")
    domain = deployment.stack.output("DistributionDomain")
    arn = deployment.stack.parameter("CertificateArn")
    if not arn:
        return judge_no_certificate(page, domain)
    acm = deployment.client("acm", arn.split(":")[3])
    try:
        known = acm.describe_certificate(CertificateArn=arn)["Certificate"]
    except acm.exceptions.ResourceNotFoundException:
        return judge_certificate(page, arn, Certificate("deleted", [], None))
    ends: datetime | None = known.get("NotAfter")
    days_left = None if ends is None else int(ends.timestamp() - deployment.now) // 86400
    names = [known["DomainName"], *known.get("SubjectAlternativeNames", [])]
    return judge_certificate(page, arn, Certificate(known["Status"], names, days_left))


def judge_no_certificate(page: str, domain: str) -> list[Finding]:
    """Whether the page works without one: on this computer, or at CloudFront's own address."""
    host = urlsplit(page).hostname
    if page.startswith("http:"):
        return [Finding("certificate", OK, "None is needed: the page is on this computer")]
    if host == domain:
        return [Finding("certificate", OK, f"CloudFront's own, for {domain}")]
    text = f"CloudFront has no certificate for {host}, so browsers refuse the page"
    step = f"Set CertificateArn, or omit PageOrigin to use {domain}, and run `make deploy`."
    return [Finding("certificate", PROBLEM, text, step)]


def judge_certificate(page: str, arn: str, certificate: Certificate) -> list[Finding]:
    """Whether a certificate is issued, for the page's host, and for long enough."""
    host = urlsplit(page).hostname or ""
    facts: dict[str, object] = {"status": certificate.status, "arn": arn}
    if certificate.status == "PENDING_VALIDATION":
        text = "The certificate is not issued: ACM has not seen its DNS records"
        step = "Copy its records from the ACM console (us-east-1) to your DNS."
        return [Finding("certificate", PROBLEM, text, step, facts)]
    if certificate.status != "ISSUED" or certificate.days_left is None:
        text = f"The certificate cannot be used (ACM: {certificate.status})"
        step = "Request another one in ACM (us-east-1), set CertificateArn, and run `make deploy`."
        return [Finding("certificate", PROBLEM, text, step, facts)]
    if not any(covers(name, host) for name in certificate.names):
        text = f"The certificate is for {', '.join(certificate.names)}, not for {host}"
        step = f"Request one for {host} in ACM (us-east-1), and set CertificateArn to it."
        return [Finding("certificate", PROBLEM, text, step, facts)]
    text = f"The certificate of {host} is good for {certificate.days_left} days"
    facts |= {"days_left": certificate.days_left}
    if certificate.days_left < SOON_DAYS:
        step = (
            "ACM did not renew it. Check that its DNS records are still there, or import a new one."
        )
        return [Finding("certificate", WARNING, text, step, facts)]
    return [Finding("certificate", OK, text, "", facts)]


def covers(name: str, host: str) -> bool:
    """Whether a certificate's name is good for a host; `*` stands for one label (RFC 6125)."""
    return name == host or (name.startswith("*.") and name[2:] == host.partition(".")[2])
