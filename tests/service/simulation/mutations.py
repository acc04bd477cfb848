"""Eight ways to be wrong that look right for a long time; the simulation must see them all."""

ANSWER = "shared/keyferry_service/use_cases/answer_request.py"
DECISIONS = "shared/keyferry_service/adapters/decisions_dynamodb.py"
ROWS = "shared/keyferry_service/adapters/license_rows_dynamodb.py"
TICKETS = "shared/keyferry_service/adapters/tickets_dynamodb.py"

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
