"""What the pages say is what is there."""

import re

import pytest
from samtranslator.yaml_helper import yaml_parse  # type: ignore[import-untyped]  # ships no types

from tests.docs import pages
from tests.docs.pages import PROJECT
from tests.house.template import TEMPLATE
from tests.house.test_rooms import ROOMS
from tests.test_settings import CONSTANTS

MAKEFILE = (PROJECT / "Makefile").read_text("utf-8")
TOP_LEVEL = {path.name for path in PROJECT.iterdir() if path.name != "build"}
PATH = re.compile(r"[\w.-]+(?:/[\w.*-]+)*/?")


# What stands in the template


def test_the_table_of_parameters_is_the_templates() -> None:
    rows = re.findall(
        r"^\| `(\w+)` \| (.*?) \| (.*?) \|$", pages.text("docs/configuration.md"), re.MULTILINE
    )
    expected = []
    for name, parameter in TEMPLATE["Parameters"].items():
        default = parameter.get("Default")
        shown = "(asked for)" if default is None else f"`{default}`" if default != "" else "(empty)"
        expected.append((name, shown, parameter["Description"]))
    assert rows == expected


def test_the_table_of_constants_is_the_codes() -> None:
    rows = pages.rows("docs/configuration.md", "## Constants")
    told = {re.findall(r"^`(\w+)`: \w", name)[0]: default.strip("`") for name, default in rows}
    assert told == {
        name: ",".join(f"{each:g}" for each in (value if isinstance(value, tuple) else (value,)))
        for name, value in CONSTANTS.items()
    }


def test_every_alarm_has_its_line_in_the_runbook() -> None:
    alarms = {
        name
        for name, resource in TEMPLATE["Resources"].items()
        if resource["Type"] == "AWS::CloudWatch::Alarm"
    }
    told = [cells[0] for cells in pages.rows("docs/operations.md", "## Runbook")]
    listed = re.findall(r"`(\w+Alarm)`", " ".join(told))
    assert sorted(listed) == sorted(alarms)


@pytest.mark.parametrize("name", pages.names())
def test_every_name_of_the_template_exists(name: str) -> None:
    known = {*TEMPLATE["Outputs"], *TEMPLATE["Parameters"], *TEMPLATE["Resources"]}
    named = re.findall(r"`(\w+(?:Url|Arn|Alarm|Table|Queue|DeadLetters))`", pages.text(name))
    assert set(named) <= known
    assert set(re.findall(r"\b[A-Z][a-z]+Table\b", pages.text(name))) <= known


def test_every_table_is_in_the_page_about_privacy() -> None:
    tables = {
        name
        for name, resource in TEMPLATE["Resources"].items()
        if resource["Type"] == "AWS::DynamoDB::Table"
    }
    listed = {cells[0] for cells in pages.rows("docs/privacy.md", "# Privacy")}
    assert listed == tables | {"Queues", "Logs"}


# What stands in the code


def test_the_table_of_rooms_is_the_one_that_is_enforced() -> None:
    def room(cell: str) -> str:
        return cell.strip("`").removeprefix("shared/").rstrip("/")

    rows = pages.rows("docs/architecture.md", "## The rooms of `shared/`")
    told = {room(name): tuple(map(room, re.findall("`.*?`", imported))) for name, imported in rows}
    assert told == ROOMS


def test_what_to_change_is_never_more_than_five_steps() -> None:
    answers = pages.section("docs/architecture.md", "## Where do I change …").split("\n### ")[1:]
    assert len(answers) == 9
    for answer in answers:
        steps = re.findall(r"^\d\. (.*)", answer, re.MULTILINE)
        assert 1 <= len(steps) <= 5, answer


@pytest.mark.parametrize("name", pages.names())
def test_every_path_exists(name: str) -> None:
    named = {span for span in pages.spans(name) if PATH.fullmatch(span)}
    ours = {path for path in named if path.split("/")[0] in {*TOP_LEVEL, "ops"} and "/" in path}
    ours |= {path for path in named if re.fullmatch(r"[\w.-]+\.(?:md|yaml|toml)", path)}
    # A page may name its neighbour by itself.
    homes = (PROJECT, (PROJECT / name).parent)
    missing = [path for path in ours if not any(list(home.glob(path)) for home in homes)]
    assert missing == []


# What the pages say of each other


def anchors(name: str) -> set[str]:
    """The headings of a page as GitHub makes anchors of them."""
    headings = re.findall(r"^#+ (.*)$", pages.FENCE.sub("", pages.text(name)), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("name", pages.names())
def test_every_link_leads_somewhere(name: str) -> None:
    links = re.findall(r"\]\(([^)\s]+)\)|src=\"(.*?)\"", pages.FENCE.sub("", pages.text(name)))
    for target in ("".join(link) for link in links):
        if target.startswith("https://"):
            continue
        path, _, anchor = target.partition("#")
        found = ((PROJECT / name).parent / path).resolve() if path else PROJECT / name
        assert found.exists(), target
        if anchor:
            assert anchor in anchors(str(found.relative_to(PROJECT))), target


def test_every_page_is_linked_from_the_first() -> None:
    """Or the page of one PBX from the page of them all."""
    linked = set(re.findall(r"\]\(([\w/.]+\.md)", pages.text("README.md")))
    linked |= {
        f"docs/{name}" for name in re.findall(r"\]\((pbx/\w+\.md)", pages.text("docs/pbx.md"))
    }
    assert linked == set(pages.names()) - {"README.md"}


def test_the_first_page_is_short() -> None:
    assert len(pages.text("README.md").splitlines()) <= 160


def test_every_picture_is_shown() -> None:
    shown = {source.rpartition("/")[2] for source in re.findall(r'src="(.*?)"', pages.everything())}
    assert shown == {path.name for path in (PROJECT / "docs").glob("*.[ps][nv]g")}


# What the other files at the top say


def test_ci_runs_the_test_command_of_the_readme() -> None:
    assert "exec make test\n" in (PROJECT / ".ci" / "run").read_text("utf-8")
    assert "make test" in pages.commands("README.md")


def test_the_hooks_run_what_make_lint_runs() -> None:
    recipe = MAKEFILE.partition("\nlint:")[2].partition("\n\n")[0]
    for written, read in (
        ("$(VENVS)", "build/venvs"),
        # The two that take longest run beside each other.
        (" & types=$$!; \\\n\t    ", "\n\t@"),
        # A commit need not read all tests.
        (" && $(COLLECT); \\\n\t    ended=$$?; wait $$types && exit $$ended", ""),
    ):
        assert written in recipe
        recipe = recipe.replace(written, read)
    linted = [re.sub(r" \.$", "", line) for line in re.findall("^\t@(.*)$", recipe, re.MULTILINE)]
    hooks = yaml_parse((PROJECT / ".pre-commit-config.yaml").read_text("utf-8"))
    [local] = hooks["repos"]
    assert [hook["entry"].removeprefix("env ") for hook in local["hooks"]] == linted


def test_the_changelog_has_this_version() -> None:
    version = re.search(
        r'^version = "(.*)"', (PROJECT / "pyproject.toml").read_text("utf-8"), re.MULTILINE
    )
    assert version is not None
    assert f"\n## [{version[1]}]" in pages.text("CHANGELOG.md")
