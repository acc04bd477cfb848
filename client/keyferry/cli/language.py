"""Chooses the language of the command line."""

from collections.abc import Mapping, Sequence

OPTION = "--lang"
_LOCALE = ("LC_ALL", "LC_MESSAGES", "LANG")  # the first that is set decides (POSIX, 8.2)


def chosen_language(typed: Sequence[str], environ: Mapping[str, str]) -> str:
    """The language from `--lang`, KEYFERRY_LANG, or the locale, such as `de` or `pt_BR.UTF-8`.

    Called before click parses the command line, so help and usage errors use this language too.
    """
    for place, argument in reversed([*enumerate(typed)]):
        if argument.startswith(f"{OPTION}="):
            return argument.partition("=")[2]
        if argument == OPTION and place + 1 < len(typed):
            return typed[place + 1]
    variables = ("KEYFERRY_LANG", *_LOCALE)
    return next((environ[name] for name in variables if environ.get(name)), "")
