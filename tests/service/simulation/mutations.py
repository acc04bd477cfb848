"""Ways to be wrong that look right for a long time; the simulation must see them all."""

ANSWER = "shared/keyferry_service/use_cases/answer_request.py"
DECISIONS = "shared/keyferry_service/adapters/decisions_dynamodb.py"
ROWS = "shared/keyferry_service/adapters/license_rows_dynamodb.py"
TICKETS = "shared/keyferry_service/adapters/tickets_dynamodb.py"
KEYS = "shared/keyferry_service/adapters/signing_keys_dynamodb.py"
DECIDE = "shared/keyferry_service/domain/decide.py"
RESIGN = "shared/keyferry_service/use_cases/resign.py"
RENEW = "shared/keyferry_service/use_cases/renew.py"

Edits = list[tuple[str, str, str]]

NO_REVISION: Edits = [
    (ROWS, '"#revision = :read"  #', '"attribute_exists(pk)"  #'),
]
SIGN_BEFORE_LEDGER: Edits = [
    (
        ANSWER,
        """                try:
                    self.decisions.claim(request, grant, entry, update)
""",
        """                try:
                    self.responses.publish(ticket.id, completed.file_name, entry)
                    self.decisions.claim(request, grant, entry, update)
""",
    ),
]
NO_TICKET: Edits = [
    (TICKETS, '"#state = :was AND #expires_at > :now"', '"attribute_exists(pk)"'),
]
RENEWAL_WITHOUT_REVISION: Edits = [
    (
        DECISIONS,
        '{"Update": self._if_unchanged(number, renewal.read_revision, revision)}',
        "self._update(number, LICENSE, set_attributes(revision))",
    ),
]
# BatchGetItem reads each row at a moment of its own.
NO_SNAPSHOT: Edits = [
    (
        DECISIONS,
        "            reply = self._dynamodb.transact_get_items("
        "TransactItems=[*gets, get_ticket])\n"
        '        items = [entry.get("Item") for entry in reply["Responses"]]\n',
        """            wanted = [entry["Get"] for entry in (*gets, get_ticket)]
            keys: Any = {}
            for get in wanted:
                keys.setdefault(get["TableName"], {"Keys": []})["Keys"].append(get["Key"])
            found = self._dynamodb.batch_get_item(RequestItems=keys)["Responses"]
        items = [
            next((i for i in found[get["TableName"]] if get["Key"].items() <= i.items()), None)
            for get in wanted
        ]
""",
    ),
]
# While the revision guards the license and both are read at one moment, the condition of the
# ledger's entry alone can never fail: it is there for the day on which the ledger is not read.
NO_LEDGER: Edits = [
    (
        DECISIONS,
        """        return self._put_once(entry_to_item(number, entry))
""",
        """        item = entry_to_item(number, entry)
        return {"Put": {"TableName": self._table, "Item": item}}
""",
    ),
    (
        DECISIONS,
        "entry = rows.get(answer_name(request.sha256))",
        "entry = None",
    ),
]
CHOICE_WHEN_ANSWERED: Edits = [
    (
        TICKETS,
        """        update = self._update_as_read(before, values, now)
""",
        """        update = self._update_as_read(before, values, now)
        update["ConditionExpression"] = "#expires_at > :now"
""",
    ),
]
NO_COUNT: Edits = [
    (TICKETS, '" AND #version_id = :version_id AND #choice = :choice AND #decided < :count"', '""'),
]
KEYS_FOR_GOOD: Edits = [(KEYS, "FRESH_S = 60", "FRESH_S = 10**9")]
KEYS_UNKNOWN_AT_FIRST: Edits = [
    (
        DECIDE,
        """    request, license = context.request, context.license
    if (refusal := refuse_unknown_keys(request, license, keys)) is not None:
        return refusal
""",
        """    request, license = context.request, context.license
""",
    ),
]
KEYS_UNKNOWN_AGAIN: Edits = [
    (
        DECIDE,
        """        if (refusal := refuse_unknown_keys(request, context.license, keys)) is not None:
            return refusal
""",
        "",
    ),
]
KEYS_UNKNOWN_TO_A_RECORDED_ANSWER: Edits = [
    (ANSWER, "        if is_verifiable or self.files", "        if True or self.files"),
]
KEYS_READ_AFTER_THE_DECISION: Edits = [
    (
        ANSWER,
        """                finally:
                    lock.release()
""",
        """                finally:
                    lock.release()
                keys = self.signing_keys.refresh(self.clock.monotonic())
""",
    ),
]
DEACTIVATION_REFUSED: Edits = [(DECIDE, 'request.kind == "deactivate" or not are', "not are")]
RECEIPT_OF_UNKNOWN_KEYS: Edits = [
    (
        ANSWER,
        "response, name, grant.previous_valid_until, is_verifiable=is_verifiable",
        "response, name, grant.previous_valid_until",
    ),
]
SIGNED_AGAIN_BY_OLD_KEYS: Edits = [
    (RESIGN, "self.signing_keys.refresh", "self.signing_keys.current")
]
RENEWED_BY_OLD_KEYS: Edits = [(RENEW, "self.signing_keys.refresh", "self.signing_keys.current")]
NO_OTHER_KEY: Edits = [
    (KEYS, ', NOT_COMPROMISED, {"ConditionCheck": check})', ", NOT_COMPROMISED)")
]
KEY_COMES_BACK: Edits = [
    (
        KEYS,
        "NOT_COMPROMISED = (KeyStatus.ACTIVE, KeyStatus.RETIRED)",
        "NOT_COMPROMISED = tuple(KeyStatus)",
    ),
]
# Drawn schedules rarely use up the moves of a license: one test plays a schedule of its own.
FREE_MOVES: Edits = [(ROWS, '"moves", "first_issued_at")', '"first_issued_at")')]

MUTATIONS = {
    "no revision condition": NO_REVISION,
    "no ledger condition": NO_LEDGER,
    "sign before ledger": SIGN_BEFORE_LEDGER,
    "no ticket condition": NO_TICKET,
    "choice on a ticket that was answered": CHOICE_WHEN_ANSWERED,
    "no condition on the choice's count": NO_COUNT,
    "BatchGetItem in place of the snapshot": NO_SNAPSHOT,
    "renewal without the revision's condition": RENEWAL_WITHOUT_REVISION,
}
OF_KEYS = {
    "keys that are read once": KEYS_FOR_GOOD,
    "a file that its application cannot verify": KEYS_UNKNOWN_AT_FIRST,
    "the same for a file that comes again": KEYS_UNKNOWN_AGAIN,
    "the same for an answer that was not handed out": KEYS_UNKNOWN_TO_A_RECORDED_ANSWER,
    "keys that are read after the decision": KEYS_READ_AFTER_THE_DECISION,
    "a deactivation that is refused for its keys": DEACTIVATION_REFUSED,
    "a receipt that its application cannot verify": RECEIPT_OF_UNKNOWN_KEYS,
    "signed again by a compromised key": SIGNED_AGAIN_BY_OLD_KEYS,
    "a renewal by a compromised key": RENEWED_BY_OLD_KEYS,
    "no condition on the other key": NO_OTHER_KEY,
    "a compromised key that is retired": KEY_COMES_BACK,
}
