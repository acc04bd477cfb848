"""Stands in for CloudFront: page and API on one port, by the rules of the deployed distribution.

Origins, the origin's secret, path patterns, forwarded and added headers, and what happens to errors
are all read from the embedded cloud's CloudFront, and none is repeated here.
"""

import http.client
import time
from dataclasses import dataclass
from email.message import Message
from fnmatch import fnmatchcase
from typing import Any

from botocore.exceptions import ClientError

from local.cloud import Cloud

PASSED_BACK = (
    "Content-Type",
    "Content-Disposition",
    "Cache-Control",
    "Location",
    "Retry-After",
    "Content-Language",
)
# CloudFront keeps these errors of a GET for as long as an entry for the status says, else for ten
# seconds, even where a behavior caches nothing; `no-store` forbids it for some of them alone.
# docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/HTTPStatusCodes.html
# docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/custom-error-pages-expiration.html
KEPT_ERRORS = {404, 405, 414, 500, 501, 502, 503, 504}
NOT_KEPT_IF_NO_STORE = {404, 414, 501}
KEPT_FOR_S = 10


@dataclass(frozen=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes


class Edge:
    """The deployed distribution, read once."""

    def __init__(self, cloud: Cloud, distribution: str) -> None:
        self._host = cloud.endpoint.removeprefix("http://")
        self._s3, cloudfront = cloud.client("s3"), cloud.client("cloudfront")
        reply = cloudfront.get_distribution_config(Id=distribution)["DistributionConfig"]
        self._root = reply["DefaultRootObject"]
        self._rules = [*reply["CacheBehaviors"]["Items"], reply["DefaultCacheBehavior"]]
        entries = reply.get("CustomErrorResponses", {}).get("Items", [])
        self._error_entries = {entry["ErrorCode"]: entry for entry in entries}
        self._kept: dict[str, tuple[float, Answer]] = {}  # errors by path, and until when
        origins = {origin["Id"]: origin for origin in reply["Origins"]["Items"]}
        for rule in self._rules:
            rule["Origin"] = origins[rule["TargetOriginId"]]
            rule["Added"] = _added(cloudfront, rule["ResponseHeadersPolicyId"])
            if policy := rule.get("OriginRequestPolicyId"):
                known = cloudfront.get_origin_request_policy(Id=policy)["OriginRequestPolicy"]
                forwarded = known["OriginRequestPolicyConfig"]["HeadersConfig"]["Headers"]["Items"]
                rule["Forwarded"] = forwarded

    def answer(self, method: str, path: str, headers: Message, body: bytes, viewer: str) -> Answer:
        """Answer one request of a browser. `viewer` is its address and port."""
        is_read = method in ("GET", "HEAD")
        until, kept = self._kept.get(path, (0, None))
        if is_read and kept and time.monotonic() < until:
            return kept
        rule = self._rule(path)
        reply = self._origin_answer(rule, method, path, headers, body, viewer)
        entry = self._error_entries.get(reply.status, {})
        answer = self._error_page(entry, reply)
        answer = Answer(answer.status, answer.headers | rule["Added"], answer.body)
        ttl_s = entry.get("ErrorCachingMinTTL", KEPT_FOR_S)
        if ttl_s and is_read and _is_kept(reply):
            self._kept[path] = time.monotonic() + ttl_s, answer
        return answer

    def _rule(self, path: str) -> Any:
        return next(r for r in self._rules if fnmatchcase(path, r.get("PathPattern", "*")))

    def _origin_answer(
        self, rule: Any, method: str, path: str, headers: Message, body: bytes, viewer: str
    ) -> Answer:
        name = rule["Origin"]["DomainName"].partition(".")[0]
        if method not in rule["AllowedMethods"]["Items"]:
            return Answer(403, {}, b"")
        if "Forwarded" not in rule:
            return self._file(name, path.strip("/") or self._root)
        del headers["CloudFront-Viewer-Address"]  # never trust the browser's own
        headers["CloudFront-Viewer-Address"] = viewer
        sent = {n: headers[n] for n in rule["Forwarded"] if n in headers}
        secrets = rule["Origin"]["CustomHeaders"]["Items"]
        sent |= {secret["HeaderName"]: secret["HeaderValue"] for secret in secrets}
        return self._call(method, path, sent | {"Host": f"{name}.execute-api.localhost"}, body)

    def _error_page(self, entry: Any, reply: Answer) -> Answer:
        """The page that the distribution shows instead of this answer, if it has one for it."""
        if not (path := entry.get("ResponsePagePath")):
            return reply
        bucket = self._rule(path)["Origin"]["DomainName"].partition(".")[0]
        page = self._file(bucket, path.strip("/"))
        return Answer(int(entry["ResponseCode"]), page.headers, page.body)

    def _file(self, bucket: str, key: str) -> Answer:
        try:
            item = self._s3.get_object(Bucket=bucket, Key=key)
        except ClientError:  # S3's answer to one that may read, and not list
            xml = b"<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>"
            return Answer(403, {"Content-Type": "application/xml"}, xml)
        return Answer(200, {"Content-Type": item["ContentType"]}, item["Body"].read())

    def _call(self, method: str, path: str, headers: dict[str, str], body: bytes) -> Answer:
        connection = http.client.HTTPConnection(self._host, timeout=60)
        try:
            connection.request(method, path, body or None, headers)
            answer = connection.getresponse()
            back = {n: answer.headers[n] for n in PASSED_BACK if n in answer.headers}
            return Answer(answer.status, back, answer.read())
        finally:
            connection.close()


def _is_kept(reply: Answer) -> bool:
    may_not = "no-store" in reply.headers.get("Cache-Control", "")
    return reply.status in KEPT_ERRORS and not (may_not and reply.status in NOT_KEPT_IF_NO_STORE)


def _added(cloudfront: Any, policy: str) -> dict[str, str]:
    reply = cloudfront.get_response_headers_policy(Id=policy)["ResponseHeadersPolicy"]
    config = reply["ResponseHeadersPolicyConfig"]
    security = config["SecurityHeadersConfig"]
    age = security["StrictTransportSecurity"]["AccessControlMaxAgeSec"]
    return {
        "Content-Security-Policy": security["ContentSecurityPolicy"]["ContentSecurityPolicy"],
        "X-Content-Type-Options": "nosniff",
        "X-Frame-Options": security["FrameOptions"]["FrameOption"],
        "Referrer-Policy": security["ReferrerPolicy"]["ReferrerPolicy"],
        "Strict-Transport-Security": f"max-age={age}",
    } | {item["Header"]: item["Value"] for item in config["CustomHeadersConfig"]["Items"]}
