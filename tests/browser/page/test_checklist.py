"""The checklist of a person's experience, and the tests of each point.

`pytest -k point_07` runs the tests of point 7.
Points about several files and languages are not here yet.
"""

import ast
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
ACCESSIBILITY, STATES, SITE = "page/test_accessibility", "page/test_states", "page/test_site_files"
WRONG, EMAILS = "page/test_wrong_files", "page/test_emails"
SHARING, LOADING = "page/test_sharing", "page/test_loading"
WAITS, QR = "page/test_waits_and_failures", "page/test_qr_link"
JOURNEY, LINKS, OUT = "end_to_end/test_journey", "end_to_end/test_links", "end_to_end/test_qr"
MAILING, REFUSALS = "integration/test_mailing", "stack/test_refusals"

CHECKLIST: dict[int, tuple[str, dict[str, list[str]]]] = {
    1: (
        "axe finds nothing in every state, light and dark",
        {
            ACCESSIBILITY: [
                "test_axe_finds_no_violation_in_light_and_dark",
                "test_axe_finds_no_violation_on_the_page_of_an_expired_link",
                "test_axe_finds_the_one_bad_label_of_a_page",
            ],
            SHARING: ["test_the_share_button_is_accessible"],
        },
    ),
    2: (
        "the error summary gets the focus, names each field and leads to it",
        {STATES: ["test_an_empty_form_lists_each_problem_with_a_link_to_its_field"]},
    ),
    3: (
        'the title starts "Error: " then, and not once it is repaired',
        {
            STATES: ["test_the_title_says_error_until_every_problem_is_repaired"],
            WRONG: ["test_each_wrong_file_gives_its_own_sentence"],
        },
    ),
    4: (
        "the file's text equals the field's and the e-mail is kept",
        {WRONG: ["test_each_wrong_file_gives_its_own_sentence"]},
    ),
    5: (
        "choosing a request sends nothing and describes it",
        {
            STATES: ["test_a_chosen_file_is_described_and_nothing_is_sent"],
            JOURNEY: ["test_choosing_tells_the_file_in_words_and_calls_nobody"],
        },
    ),
    6: (
        "each wrong kind gives its own sentence",
        {
            WRONG: [
                "test_each_wrong_file_gives_its_own_sentence",
                "test_a_folder_gives_its_own_sentence",
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
            STATES: ["test_the_form_has_its_tab_order"],
            JOURNEY: ["test_with_the_keyboard_alone_from_the_first_tab_to_a_saved_file"],
        },
    ),
    9: (
        "the h1 has the focus after each change of state, and the status is empty",
        {STATES: ["test_each_change_of_state_moves_the_focus_and_empties_the_status"]},
    ),
    10: (
        "each click on download requests a fresh URL",
        {STATES: ["test_each_click_on_download_again_requests_a_fresh_url"]},
    ),
    11: (
        "with downloads blocked the button and the steps still show",
        {WAITS: ["test_with_downloads_blocked_the_button_and_the_steps_still_show"]},
    ),
    12: (
        "a reload returns to ready, refused and waiting",
        {
            STATES: ["test_the_url_of_a_ticket_returns_to_waiting_ready_and_refused"],
            JOURNEY: ["test_the_address_of_a_ticket_returns_to_its_state"],
        },
    ),
    13: (
        "each refusal shows its title and next step; the first three send no e-mail",
        {
            STATES: ["test_each_refusal_shows_its_title_and_its_next_step"],
            REFUSALS: [
                "test_a_refusal_says_what_is_and_what_to_do",
                "test_only_a_proven_request_is_named_and_mailed",
            ],
        },
    ),
    14: (
        "320 x 256 px and 400 %: no sideways scroll, nothing clipped",
        {
            ACCESSIBILITY: [
                "test_at_320_pixels_or_400_percent_nothing_scrolls_sideways_or_is_clipped"
            ]
        },
    ),
    15: (
        "wider text spacing clips nothing",
        {ACCESSIBILITY: ["test_wider_text_spacing_clips_nothing"]},
    ),
    16: (
        "reduced motion: no animation",
        {ACCESSIBILITY: ["test_reduced_motion_stops_every_animation"]},
    ),
    17: (
        "forced colors: focus and borders are visible",
        {ACCESSIBILITY: ["test_forced_colors_keep_focus_and_borders"]},
    ),
    18: (
        "every target is at least 44 px",
        {ACCESSIBILITY: ["test_every_target_is_44_pixels_high_and_wide"]},
    ),
    19: (
        "JavaScript off: the page names another way",
        {ACCESSIBILITY: ["test_without_javascript_the_page_names_another_way"]},
    ),
    20: (
        "offline while sending: the bar shows, sending continues",
        {
            WAITS: [
                "test_offline_while_sending_is_shown_and_sending_continues",
                "test_offline_while_waiting_is_shown_and_the_wait_continues",
            ]
        },
    ),
    23: (
        "at most 10 requests, 24 KB of brotli, 0 third parties, the policy reports nothing",
        {
            LOADING: ["test_the_page_costs_at_most_10_requests_on_one_connection_and_24_kb"],
            JOURNEY: ["test_the_page_is_served_under_its_policy"],
        },
    ),
    24: (
        "no accept on the input; any name works",
        {
            SITE: ["test_the_page_names_no_other_host_and_contains_no_inline_code"],
            WRONG: ["test_a_request_is_accepted_under_any_name"],
        },
    ),
    26: (
        "a link's #r= fills the page and disappears from address and history",
        {
            QR: ["test_a_link_fills_in_the_form_and_disappears_from_address_and_history"],
            OUT: ["test_a_request_goes_out_by_qr_code_and_its_license_is_installed"],
        },
    ),
    27: (
        "print has the steps and no button",
        {ACCESSIBILITY: ["test_print_has_the_steps_and_no_button"]},
    ),
    28: (
        "plain and HTML say the same; headers; no image, no attachment, one link",
        {
            EMAILS: [
                "test_an_email_says_the_same_in_plain_text_and_html",
                "test_an_email_has_one_link_and_loads_nothing",
            ],
            MAILING: ["test_the_letter_for_a_response"],
        },
    ),
    29: (
        "a link opened 20 times, then by a person, saves; after 7 days it is a page that says so",
        {LINKS: ["test_a_link_opened_20_times_still_saves_for_a_person_and_ends_after_7_days"]},
    ),
    30: (
        "an unauthentic request sends no e-mail",
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
    """The points that a test covers, as words for `-k`."""
    file = item.path.relative_to(TESTS).with_suffix("").as_posix()
    name = item.name.partition("[")[0]
    return {
        f"point_{number:02}"
        for number, (_, files) in CHECKLIST.items()
        if name in files.get(file, ())
    }
