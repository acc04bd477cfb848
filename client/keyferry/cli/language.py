"""The language that a command speaks."""

from collections.abc import Mapping, Sequence

OPTION = "--lang"
_LOCALE = ("LC_ALL", "LC_MESSAGES", "LANG")  # the first that is set decides (POSIX, 8.2)


def chosen_language(typed: Sequence[str], environ: Mapping[str, str]) -> str:
    """What `--lang`, KEYFERRY_LANG or the locale names, for example `de` or `pt_BR.UTF-8`.

    Read before click reads the command line, so that help and usage errors are in it as well.
    """
    for place, argument in reversed([*enumerate(typed)]):
        if argument.startswith(f"{OPTION}="):
            return argument.partition("=")[2]
        if argument == OPTION and place + 1 < len(typed):
            return typed[place + 1]
    variables = ("KEYFERRY_LANG", *_LOCALE)
    return next((environ[name] for name in variables if environ.get(name)), "")
