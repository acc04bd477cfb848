"""The checklist of a person's experience: which tests hold each of its points.

`pytest -k point_07` runs those of number 7.
Points about several files and languages are not here yet.
"""

import ast
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[2]
BARRIERS, STATES, SITE = "page/test_accessibility", "page/test_states", "page/test_site_files"
WRONG, LETTERS = "page/test_wrong_files", "page/test_letters"
SHARING = "page/test_sharing"
WAITS, QR = "page/test_waits_and_failures", "page/test_qr_link"
JOURNEY, LINKS, OUT = "end_to_end/test_journey", "end_to_end/test_links", "end_to_end/test_qr"
MAILING, REFUSALS = "integration/test_mailing", "stack/test_refusals"

CHECKLIST: dict[int, tuple[str, dict[str, list[str]]]] = {
    1: (
        "axe finds nothing in every state, light and dark",
        {
            BARRIERS: [
                "test_axe_finds_no_barrier_in_light_and_dark",
                "test_axe_finds_no_barrier_where_a_link_no_longer_works",
                "test_axe_finds_the_one_bad_label_of_a_page_that_has_one",
            ],
            SHARING: ["test_the_button_is_as_good_as_the_others"],
        },
    ),
    2: (
        "the error summary gets the focus, names each field and leads to it",
        {STATES: ["test_sending_nothing_names_each_field_and_leads_to_it"]},
    ),
    3: (
        'the title starts "Error: " then, and not after mending',
        {
            STATES: ["test_the_title_says_error_until_all_is_mended"],
            WRONG: ["test_each_wrong_file_is_told_by_its_own_sentence"],
        },
    ),
    4: (
        "the file's text equals the field's and the e-mail is kept",
        {WRONG: ["test_each_wrong_file_is_told_by_its_own_sentence"]},
    ),
    5: (
        "choosing a request calls nobody and tells it in words",
        {
            STATES: ["test_a_chosen_file_is_told_in_words_and_nothing_is_sent"],
            JOURNEY: ["test_choosing_tells_the_file_in_words_and_calls_nobody"],
        },
    ),
    6: (
        "each wrong kind gives its own sentence",
        {
            WRONG: [
                "test_each_wrong_file_is_told_by_its_own_sentence",
                "test_a_folder_is_told_as_one",
            ]
        },
    ),
    7: (
        "a pasted activation code leaves no trace",
        {STATES: ["test_a_secret_typed_or_pasted_leaves_no_trace"]},
    ),
    8: (
        "keyboard only, in the order listed, to a saved file",
        {
            STATES: ["test_empty_stands_in_the_order_of_the_keyboard"],
            JOURNEY: ["test_with_the_keyboard_alone_from_the_first_tab_to_a_saved_file"],
        },
    ),
    9: (
        "the h1 has the focus after each change of state, and the status is silent",
        {STATES: ["test_each_change_of_state_moves_the_focus_and_leaves_the_status_silent"]},
    ),
    10: (
        "every press of download asks for a fresh address",
        {STATES: ["test_each_press_of_download_again_asks_for_a_fresh_address"]},
    ),
    11: (
        "with downloads blocked the button and the steps still show",
        {WAITS: ["test_with_downloads_blocked_the_button_and_the_steps_still_show"]},
    ),
    12: (
        "a reload returns to ready, refused and waiting",
        {
            STATES: ["test_the_address_of_a_ticket_returns_to_waiting_ready_and_refused"],
            JOURNEY: ["test_the_address_of_a_ticket_returns_to_its_state"],
        },
    ),
    13: (
        "each refusal shows its title and next step; the first three mail nothing",
        {
            STATES: ["test_each_refusal_shows_its_title_and_its_next_step"],
            REFUSALS: [
                "test_a_refusal_says_what_is_and_what_to_do",
                "test_only_a_proven_request_is_named_and_mailed",
            ],
        },
    ),
    14: (
        "320 x 256 px and 400 %: no sideways scroll, nothing cut",
        {BARRIERS: ["test_at_320_pixels_or_400_percent_nothing_scrolls_sideways_or_is_cut"]},
    ),
    15: ("wider text spacing loses nothing", {BARRIERS: ["test_wider_text_spacing_loses_nothing"]}),
    16: (
        "reduced motion: nothing moves",
        {BARRIERS: ["test_nothing_moves_for_those_who_ask_for_it"]},
    ),
    17: (
        "forced colours: focus and borders are visible",
        {BARRIERS: ["test_forced_colours_keep_focus_and_borders"]},
    ),
    18: (
        "every target is at least 44 px",
        {BARRIERS: ["test_every_target_is_44_pixels_high_and_wide"]},
    ),
    19: (
        "JavaScript off: the way on is told",
        {BARRIERS: ["test_without_javascript_the_way_on_is_told"]},
    ),
    20: (
        "offline while sending: the bar shows, sending goes on",
        {
            WAITS: [
                "test_offline_while_sending_says_so_and_goes_on",
                "test_offline_while_waiting_says_so_and_goes_on",
            ]
        },
    ),
    23: (
        "at most 6 requests, 20 KB of brotli, 0 third parties, the policy reports nothing",
        {
            BARRIERS: ["test_it_asks_for_at_most_6_files_of_its_own_and_20_kb"],
            JOURNEY: ["test_the_page_is_served_under_its_policy"],
        },
    ),
    24: (
        "no accept on the input; any name works",
        {
            SITE: ["test_the_page_names_no_other_host_and_no_inline_code"],
            WRONG: ["test_a_request_under_any_name_is_one"],
        },
    ),
    26: (
        "a link's #r= fills the page and is gone from address and history",
        {
            QR: ["test_a_link_fills_the_page_in_and_is_gone_from_address_and_history"],
            OUT: ["test_a_request_goes_out_by_qr_code_and_its_license_is_installed"],
        },
    ),
    27: (
        "print has the steps and no button",
        {BARRIERS: ["test_print_has_the_steps_and_no_button"]},
    ),
    28: (
        "plain and HTML say the same; headers; no image, no attachment, one link",
        {
            LETTERS: [
                "test_a_letter_says_the_same_in_plain_and_in_html",
                "test_a_letter_holds_one_link_and_nothing_from_elsewhere",
            ],
            MAILING: ["test_the_email_for_a_response"],
        },
    ),
    29: (
        "a link opened 20 times, then by a person, saves; after 7 days it is a page that says so",
        {LINKS: ["test_a_link_opened_20_times_still_saves_for_a_person_and_ends_after_7_days"]},
    ),
    30: (
        "an unauthentic request sends no mail",
        {
            LINKS: ["test_an_unauthentic_request_sends_no_mail_even_when_the_next_one_does"],
            REFUSALS: ["test_only_a_proven_request_is_named_and_mailed"],
        },
    ),
}
LATER = {21, 22, 25}


@pytest.mark.parametrize("number", sorted(set(range(1, 31)) - LATER))
def test_each_point_of_the_checklist_has_its_tests(number: int) -> None:
    _, files = CHECKLIST[number]
    for file, names in files.items():
        tree = ast.parse((TESTS / f"{file}.py").read_text("utf-8"))
        tests = [node.name for node in tree.body if isinstance(node, ast.FunctionDef)]
        assert names
        for name in names:
            assert tests.count(name) == 1, f"{number}: {file} has not one {name}"


def points_of(item: pytest.Item) -> set[str]:
    """The numbers of the checklist that a test holds, as words for `-k`."""
    file = item.path.relative_to(TESTS).with_suffix("").as_posix()
    name = item.name.partition("[")[0]
    return {
        f"point_{number:02}"
        for number, (_, files) in CHECKLIST.items()
        if name in files.get(file, ())
    }
