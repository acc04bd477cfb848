"""Five ways to be wrong that look right for a long time; the simulation must see each of them."""

APP = "functions/process_request/app.py"
LICENSES = "shared/keyferry_service/licenses_dynamodb.py"
TICKETS = "shared/keyferry_service/tickets_dynamodb.py"

Edits = list[tuple[str, str, str]]

NO_REVISION: Edits = [
    (LICENSES, '"#revision = :read"  #', '"attribute_exists(pk)"  #'),
]
SIGN_BEFORE_LEDGER: Edits = [
    (
        APP,
        """            licenses.claim(request, grant, given, settling)
            publish_response(upload.ticket_id, facts["file_name"], given)
""",
        """            publish_response(upload.ticket_id, facts["file_name"], given)
            licenses.claim(request, grant, given, settling)
""",
    ),
]
NO_TICKET: Edits = [
    (TICKETS, '"#state = :awaiting AND #expires_at > :now"', '"attribute_exists(pk)"'),
]
# BatchGetItem reads each row at a moment of its own.
NO_SNAPSHOT: Edits = [
    (
        LICENSES,
        "            answer = self._dynamodb.transact_get_items(TransactItems=[*gets, reading])\n"
        '        items = [entry.get("Item") for entry in answer["Responses"]]\n',
        """            wanted = [entry["Get"] for entry in (*gets, reading)]
            asked: Any = {}
            for get in wanted:
                asked.setdefault(get["TableName"], {"Keys": []})["Keys"].append(get["Key"])
            answer = self._dynamodb.batch_get_item(RequestItems=asked)["Responses"]
        items = [
            next((i for i in answer[get["TableName"]] if get["Key"].items() <= i.items()), None)
            for get in wanted
        ]
""",
    ),
]
# While the revision guards the license and both are read at one moment, the condition of the
# ledger's line alone can never fail: it is there for the day on which the ledger is not asked.
NO_LEDGER: Edits = [
    (
        LICENSES,
        """        return self._put_once(
            {"pk": number, "sk": f"answer#{answer.request_sha256}", **members(answer)}
        )
""",
        """        row = {"pk": number, "sk": f"answer#{answer.request_sha256}", **members(answer)}
        return {"Put": {"TableName": self._table, "Item": to_item(row)}}
""",
    ),
    (LICENSES, 'answer = _read(Answer, rows.get(f"answer#{request.sha256}"))', "answer = None"),
]
# Drawn schedules rarely use up the moves of a license: one test plays a schedule of its own.
FREE_MOVES: Edits = [(LICENSES, '"moves", "first_issued_at")', '"first_issued_at")')]

MUTATIONS = {
    "no revision condition": NO_REVISION,
    "no ledger condition": NO_LEDGER,
    "sign before ledger": SIGN_BEFORE_LEDGER,
    "no ticket condition": NO_TICKET,
    "BatchGetItem in place of the snapshot": NO_SNAPSHOT,
}
