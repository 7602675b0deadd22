"""Parameters that hold a token or key: what writes one, and whose doing it is if it is refused."""

from datetime import datetime, timedelta
from typing import NamedTuple

from ops import screen
from ops.site import Site
from ops.trouble import Trouble
from ops.watch import MINUTE
from shared.aws.parameters import MAX_AGE_S
from shared.aws.sightings import Sighting

# Until when all functions have read it anew, by the minutes of CloudWatch.
FITS = timedelta(seconds=MAX_AGE_S) + MINUTE
_ANEW = f"functions read it anew within {MAX_AGE_S // 60} min"

THEN_WRITE = "Type the second command, and delete the file. Later, write it anew without the line"
THEN_WRITE += " below, which is taken as ours until then"
_HOW = "The first command writes what the parameter has now into the file {}. Put above it {}. {}"
_CABINETS = "what the Developer Cabinet shows under Account settings (who has no login there asks"
HOW_TO_WRITE = _HOW.format("TOKEN", f"{_CABINETS} whoever published the application)", THEN_WRITE)
OF_USER = "TOKEN is a file you write: the user token, as the Cabinet shows it under API access"
# Of what is counted, who comes with a key of ours, and what is lost meanwhile.
_WHOSE = {
    "BillingRefused": ("billing", "What was refused has to come again"),
    "PortalRefused": ("the portal (PortalUrl)", "After that its owners open their link again"),
}


class Writing(NamedTuple):
    """The last one of a parameter, as whatever came before that cannot be its doing.

    `before` is when it was written before that, if ever.
    """

    parameter: str
    at: datetime
    version: int
    before: datetime | None

    def blamed(self, began: datetime, last: datetime, who: str) -> tuple[str, bool | None]:
        """Why it is refused, from `began` on, and whether that is ours, not `who` has another.

        None if it is not known to be refused with this one.
        """
        began = max(began, self.at) if self.version == 1 else began
        told = f"{self.parameter} was written last at {screen.moment(self.at)}, as version"
        told, first = f"{told} {self.version}", f"at about {screen.moment(began)[:16]}Z"
        if began < self.at - MINUTE and last < self.at + FITS:
            return f"{told}, and nobody has come with that yet, as {_ANEW}: look again then", None
        if began < self.at - MINUTE:
            return f"{told}; it was refused before, too, {first}, so neither is {who}'s", False
        if began > self.at + FITS:
            why = f"and refused only after that: so {who} has another by now, unless nothing was"
            return f"{told}; {_ANEW}, {why} sent in between", False
        why = "so most likely that writing was wrong: see who did it"
        return f"{told}, and refused first {first}; {_ANEW}, {why}", True


def written_last(site: Site, parameter: str) -> Writing:
    """When and as what it was."""
    found = site.ssm.get_parameter(Name=parameter)["Parameter"]
    version, before = found["Version"], None
    if version > 1:
        earlier = site.ssm.get_parameter(Name=f"{parameter}:{version - 1}")["Parameter"]
        before = earlier["LastModifiedDate"]
    return Writing(parameter, found["LastModifiedDate"], version, before)


def mended(site: Site, writing: Writing, how: str, *, is_ours: bool) -> tuple[str, str]:
    """In words, and the first command: what it had before is back, or else `how` is done."""
    name, before, file = writing.parameter, writing.version - 1, file_of(writing.parameter)
    if not is_ours or not before:
        return how, read(site, name)
    how = f"The first command writes version {before} into the file {file}"
    if file == "TOKEN":
        return f"{how}, above what it has now. {THEN_WRITE}", read(site, f"{name}:{before}", name)
    return f"{how}. Type the second, and delete the file", read(site, f"{name}:{before}")


def of_refused(
    site: Site, seen: Sighting, good: Sighting | None, counted: str, now: datetime
) -> Trouble:
    """A system of the provider's own that comes with what is not in our parameter."""
    writing, (who, lost) = written_last(site, seen.who), _WHOSE[counted]
    own = f"what {who} has; or only give {who} what stands there"
    if (file := file_of(seen.who)) == "SECRET":
        who, own = "Stripe", "what its dashboard shows"
        lost = "What was refused comes again by itself, for three days"
    times = site.watch.counted([counted], now, good.at if good else None).get(counted)
    often = times.words if times else f"last at {screen.minute(seen.at)}"
    began = min(times.first, seen.at) if times else seen.at
    why, is_ours = writing.blamed(max(began, good.at if good else began), seen.at, who)
    came = f"the last with ours was taken {screen.due(good.at, now)}" if good else ""
    what = f"{who} comes with another {file.lower()} than stands there, and is refused, {often};"
    what += f" {came or 'none with ours came within a week'}. {why}."
    if is_ours is None:
        return Trouble(f"{what} {lost}", seen.who, "status", began)
    how, first = mended(site, writing, _HOW.format(file, own, THEN_WRITE), is_ours=is_ours)
    command = written(site, seen.who)
    return Trouble(f"{what} {how}. {lost}", seen.who, command, began, first=first)


def written(site: Site, parameter: str) -> str:
    """The command that writes a token anew."""
    how = f"put-parameter --overwrite --type SecureString --name {parameter}"
    return f"{site.aws} ssm {how} --value file://{file_of(parameter)}"


def read(site: Site, *parameters: str) -> str:
    """The command that writes what a parameter has now into a file that only you may read.

    Of several, such as its versions, each on a line; no file is left that has not all of them.
    """
    # https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_GetParameter.html
    how = [f"--name {it} --query Parameter.Value --output text" for it in parameters]
    get = " && ".join(f"{site.aws} ssm get-parameter --with-decryption {it}" for it in how)
    get, file = f"({get})" if parameters[1:] else get, file_of(parameters[-1])
    return f"(umask 077; {get} > {file} || rm {file})"


def file_of(parameter: str) -> str:
    """As what is to be written is called: TOKEN, or what else the parameter's name ends with."""
    word = parameter.partition(":")[0].rpartition("-")[2].upper()
    return word if word in ("KEY", "SECRET") else "TOKEN"
