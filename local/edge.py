"""Stands in for CloudFront: page and API on one port, by the rules of the deployed distribution.

It decides nothing itself: origins, the origin's secret, path patterns, which headers are forwarded
and which security headers are added are read from CloudFront's API of the embedded cloud.
"""

from __future__ import annotations

import http.client
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from botocore.exceptions import ClientError

from local.cloud import Cloud

NOT_PASSED_ON = {
    "connection",
    "keep-alive",
    "transfer-encoding",
    "content-length",
    "date",
    "server",
}


@dataclass(frozen=True)
class Answer:
    status: int
    headers: list[tuple[str, str]]
    body: bytes


@dataclass(frozen=True)
class Behavior:
    """How calls of one path pattern are answered."""

    pattern: str
    methods: frozenset[str]
    forwarded: tuple[str, ...]
    added: dict[str, str]
    site_bucket: str | None  # else the API
    api_id: str
    origin_headers: dict[str, str]


class Edge:
    """The deployed distribution, read once."""

    def __init__(self, cloud: Cloud, distribution_id: str) -> None:
        self._cloud = cloud
        self._s3 = cloud.client("s3")
        cloudfront = cloud.client("cloudfront")
        config = cloudfront.get_distribution_config(Id=distribution_id)["DistributionConfig"]
        self._root = config["DefaultRootObject"]
        origins = {origin["Id"]: origin for origin in config["Origins"]["Items"]}
        rules = [
            *config["CacheBehaviors"]["Items"],
            {"PathPattern": "*"} | config["DefaultCacheBehavior"],
        ]
        self._behaviors = [_behavior(cloudfront, rule, origins) for rule in rules]

    def answer(
        self, method: str, target: str, headers: Mapping[str, str], body: bytes, viewer: str
    ) -> Answer:
        """Answer one call of a browser; `viewer` is its address and port."""
        path = target.partition("?")[0]
        rule = next(b for b in self._behaviors if fnmatchcase(path, b.pattern))
        if method not in rule.methods:
            found = Answer(403, [], b"")
        elif rule.site_bucket:
            found = self._file(rule.site_bucket, path.lstrip("/") or self._root)
        else:
            found = self._call(rule, method, path, headers, body, viewer)
        kept = [(k, v) for k, v in found.headers if k.title() not in rule.added]
        return Answer(found.status, [*kept, *rule.added.items()], found.body)

    def _file(self, bucket: str, key: str) -> Answer:
        try:
            found = self._s3.get_object(Bucket=bucket, Key=key)
        except ClientError as error:
            status = error.response["ResponseMetadata"]["HTTPStatusCode"]
            return Answer(status, [("Content-Type", "text/plain")], b"Not found\n")
        names = ("ContentType", "CacheControl", "ETag")
        headers = [(_dashed(name), found[name]) for name in names if name in found]
        return Answer(200, headers, found["Body"].read())

    def _call(
        self,
        rule: Behavior,
        method: str,
        path: str,
        headers: Mapping[str, str],
        body: bytes,
        viewer: str,
    ) -> Answer:
        host = self._cloud.endpoint.removeprefix("http://")
        port = host.rpartition(":")[2]
        known = {**headers, "CloudFront-Viewer-Address": viewer}
        sent = {
            name: known[name] for name in rule.forwarded if known.get(name)
        } | rule.origin_headers
        connection = http.client.HTTPConnection(host, timeout=30)
        try:
            sent["Host"] = f"{rule.api_id}.execute-api.localhost:{port}"
            connection.request(method, path, body or None, sent)
            found = connection.getresponse()
            kept = [(k, v) for k, v in found.getheaders() if k.lower() not in NOT_PASSED_ON]
            return Answer(found.status, kept, found.read())
        except (OSError, http.client.HTTPException):
            return Answer(502, [("Content-Type", "text/plain")], b"The API does not answer.\n")
        finally:
            connection.close()


def _behavior(cloudfront: Any, rule: dict[str, Any], origins: dict[str, Any]) -> Behavior:
    origin = origins[rule["TargetOriginId"]]
    host = origin["DomainName"]
    forwarded: Iterable[str] = ()
    if policy := rule.get("OriginRequestPolicyId"):
        found = cloudfront.get_origin_request_policy(Id=policy)["OriginRequestPolicy"]
        forwarded = found["OriginRequestPolicyConfig"]["HeadersConfig"]["Headers"]["Items"]
    secret = origin.get("CustomHeaders", {}).get("Items", [])
    return Behavior(
        pattern=rule["PathPattern"],
        methods=frozenset(rule["AllowedMethods"]["Items"]),
        forwarded=tuple(forwarded),
        added=_security_headers(cloudfront, rule["ResponseHeadersPolicyId"]),
        site_bucket=host.partition(".s3.")[0] if ".s3." in host else None,
        api_id=host.partition(".")[0],
        origin_headers={item["HeaderName"]: item["HeaderValue"] for item in secret},
    )


def _security_headers(cloudfront: Any, policy: str) -> dict[str, str]:
    found = cloudfront.get_response_headers_policy(Id=policy)["ResponseHeadersPolicy"]
    config = found["ResponseHeadersPolicyConfig"]
    security = config["SecurityHeadersConfig"]
    headers = {
        "Content-Security-Policy": security["ContentSecurityPolicy"]["ContentSecurityPolicy"],
        "X-Content-Type-Options": "nosniff",
        "X-Frame-Options": security["FrameOptions"]["FrameOption"],
        "Referrer-Policy": security["ReferrerPolicy"]["ReferrerPolicy"],
        "Strict-Transport-Security": f"max-age={security['StrictTransportSecurity']['AccessControlMaxAgeSec']}",
    }
    return headers | {
        item["Header"]: item["Value"] for item in config["CustomHeadersConfig"]["Items"]
    }


def _dashed(name: str) -> str:
    return {"ContentType": "Content-Type", "CacheControl": "Cache-Control"}.get(name, name)
