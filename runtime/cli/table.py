"""Every command and option, in one table: the fast reader, click, the completion and docs/cli.md are made from it.

The origin says who defined a command or an option first, so that nobody takes ours for a standard:

    minimal API   the OCI command-line interface (opencontainers/runtime-tools, command-line-interface.md)
    runc, crun    what callers of these rely on
    runf          ours
"""

from __future__ import annotations

from runtime.cli.options import Argument, Command, Option

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

GLOBALS = (
    Option("root", "path", "Keep the state of containers below PATH", metavar="PATH"),
    Option("log", "path", "Append errors to FILE as well", metavar="FILE"),
    Option("log-format", "text", "How errors are written to the log", choices=("text", "json"), default="text"),
    Option("debug", "flag", "Log what is done, and show the Python traceback of an internal error"),
    Option("systemd-cgroup", "flag", "Have systemd make the cgroup: a scope named by cgroupsPath as slice:prefix:name"),
    Option(
        "cgroup-manager",
        "text",
        "Who makes cgroups: systemd as with --systemd-cgroup; with `disabled` a container stays in its caller's",
        "crun",
        choices=("cgroupfs", "systemd", "disabled"),
    ),
    Option(
        "rootless", "text", "Accepted for callers of runc; runf finds out by itself", choices=("true", "false", "auto")
    ),
    Option("criu", "text", "The criu that checkpoint and restore use (default: as PATH has it)", metavar="PATH"),
    Option("public-state", "flag", "Let everybody read the state, if the root is made now", "runf"),
)

ID = Argument("ID")
BUNDLE = Option("bundle", "path", "The bundle's directory (default: the working directory)", "minimal API", "b", "PATH")
CONSOLE_SOCKET = Option(
    "console-socket",
    "path",
    "Send the terminal's master to this Unix socket: a path as in runc, or the number of a file descriptor",
    "minimal API",
    metavar="SOCKET",
)
PRESERVE_FDS = Option(
    "preserve-fds", "number", "Pass this many more file descriptors on, from 3 on", metavar="N", default=0
)
_REGEX = Option("regex", "flag", "All containers whose ids match the regular expression ID", "crun")


def _making() -> tuple[Option, ...]:
    return (
        BUNDLE,
        Option("config", "path", "Read this file instead of the bundle's config.json", "crun", "f", "FILE"),
        CONSOLE_SOCKET,
        Option(
            "pid-file", "path", "Write the pid of the container's first process to FILE", "minimal API", metavar="FILE"
        ),
        Option("pidfd-socket", "path", "Send a pidfd of that process to this Unix socket", metavar="PATH"),
        Option("no-pivot", "flag", "Move the root instead of pivoting, for a root on an initial ramdisk"),
        Option("no-new-keyring", "flag", "Keep the session keyring of the caller"),
        PRESERVE_FDS,
    )


def _added() -> tuple[Option, ...]:
    return (
        Option("process", "path", "Read the process as config.json has it from FILE", short="p", metavar="FILE"),
        Option("cwd", "text", "Working directory in the container", metavar="PATH"),
        Option("env", "list", "Set a variable of the environment", short="e", metavar="NAME=VALUE"),
        Option("tty", "flag", "Give it a terminal", short="t"),
        Option("user", "text", "Ids in the container, as numbers", short="u", metavar="UID[:GID]"),
        Option("additional-gids", "list", "Add a supplementary group", short="g", metavar="GID"),
        Option("cap", "list", "Add a capability", short="c", metavar="CAP"),
        Option("no-new-privs", "flag", "Let execve grant nothing"),
        Option("apparmor", "text", "AppArmor's profile", metavar="PROFILE"),
        Option("process-label", "text", "SELinux's label", metavar="LABEL"),
        Option("detach", "flag", "Return once it runs, and leave it to you", short="d"),
        Option("pid-file", "path", "Write the pid of the process to FILE", metavar="FILE"),
        CONSOLE_SOCKET._replace(origin="runc"),
        Option("pidfd-socket", "path", "Send a pidfd of the process to this Unix socket", metavar="PATH"),
        PRESERVE_FDS,
        Option("cgroup", "list", "Run it in a cgroup below the container's", metavar="[CONTROLLERS:]PATH"),
        Option("ignore-paused", "flag", "Also in a paused container: it will run once that is resumed"),
    )


_MICROSECONDS = "MICROSECONDS"


def _limits() -> tuple[Option, ...]:
    return (
        Option(
            "resources",
            "path",
            "Read linux.resources as in config.json from FILE, or - for stdin, in place of the other options",
            short="r",
            metavar="FILE",
        ),
        Option("blkio-weight", "text", "Weight of block I/O, 10 to 1000", metavar="N"),
        Option("cpu-period", "text", "Length of the period that the quota is for", metavar=_MICROSECONDS),
        Option("cpu-quota", "text", "CPU time in each period; -1 for no limit", metavar=_MICROSECONDS),
        Option("cpu-burst", "text", "CPU time that may be saved up beyond the quota", metavar=_MICROSECONDS),
        Option("cpu-share", "text", "CPU shares beside other cgroups, 2 to 262144", metavar="N"),
        Option("cpu-rt-period", "text", "Period for real-time processes; cgroup v1 only", metavar=_MICROSECONDS),
        Option("cpu-rt-runtime", "text", "Time for real-time processes in it; cgroup v1 only", metavar=_MICROSECONDS),
        Option("cpu-idle", "text", "1: run only when nobody else wants the CPU", metavar="0|1"),
        Option("cpuset-cpus", "text", "CPUs to run on, as in 0-3,7", metavar="LIST"),
        Option("cpuset-mems", "text", "Memory nodes to use, as in 0,1", metavar="LIST"),
        Option("memory", "text", "Memory in bytes, or as in 512m; -1 for no limit", metavar="SIZE"),
        Option("memory-reservation", "text", "Memory that is spared while others have more", metavar="SIZE"),
        Option("memory-swap", "text", "Memory and swap together; -1 for no limit", metavar="SIZE"),
        Option("kernel-memory", "text", "Ignored: Linux no longer has it", metavar="SIZE"),
        Option("kernel-memory-tcp", "text", "Memory of TCP buffers; cgroup v1 only", metavar="SIZE"),
        Option("pids-limit", "text", "Number of processes and threads; -1 for no limit", metavar="N"),
        Option("l3-cache-schema", "text", "Share of the L3 cache by Intel RDT, as in L3:0=f;1=f", metavar="SCHEMA"),
        Option("mem-bw-schema", "text", "Share of memory bandwidth by Intel RDT, as in MB:0=20;1=70", metavar="SCHEMA"),
    )


STATUSES = ("creating", "created", "running", "paused", "stopped")


def _many() -> tuple[Option, ...]:
    return (
        Option("owner", "list", "Only containers of this user", "runf", metavar="NAME"),
        Option("status", "list", "Only containers of this status", "runf", choices=STATUSES),
        Option("annotation", "list", "Only containers with all of these annotations", "runf", metavar="KEY[=VALUE]"),
        Option("runtime", "list", "Only containers of this runtime", "runf", metavar="NAME"),
        Option("all-roots", "flag", "The containers of the announced roots too", "runf"),
    )


def _listing() -> tuple[Option, ...]:
    return (
        Option("format", "text", "How to print", short="f", choices=("table", "json"), default="table"),
        Option("quiet", "flag", "Print ids only", short="q"),
        *_many(),
    )


_TOLERANT = Option(
    "tolerant", "flag", "Tell of a failure and exit with 0, so that no container fails for our sake", "runf"
)


def _dumping() -> tuple[Option, ...]:
    return (
        Option("image-path", "path", "The directory of the images (default: ./checkpoint)", metavar="PATH"),
        Option("work-path", "path", "The directory of criu's log (default: that of the images)", metavar="PATH"),
        Option("tcp-established", "flag", "Established TCP connections go along"),
        Option("ext-unix-sk", "flag", "Unix sockets connected to others outside go along"),
        Option("shell-job", "flag", "Processes of a session begun outside go along"),
        Option("lazy-pages", "flag", "Memory is fetched on demand, from criu's daemon for that"),
        Option("file-locks", "flag", "File locks go along"),
        Option("link-remap", "flag", "Files without a name get one, where that is needed"),
        Option("auto-dedup", "flag", "Memory that a later image has too leaves the earlier one"),
        Option(
            "manage-cgroups-mode",
            "text",
            "What criu does with cgroups beneath the container's (default: soft); strict: with checkpoint only",
            metavar="MODE",
            choices=("soft", "full", "strict", "ignore"),
        ),
        Option("empty-ns", "list", "Leave the content of this namespace out", metavar="network"),
        Option(
            "network-lock",
            "text",
            "How connections are held meanwhile; nftables needs criu 4.1, skip 3.19",
            "crun",
            metavar="METHOD",
            choices=("iptables", "nftables", "skip"),
        ),
    )


SHELLS = ("bash", "zsh", "fish")
# of one command line, one of them is needed
_COMMANDS: dict[str, Callable[[], Command]] = {
    "create": lambda: Command(
        "create",
        "Make a container; its program waits for `runf start`",
        "minimal API",
        (ID,),
        (*_making(), Option("no-subreaper", "flag", "Accepted for callers of crun", "crun")),
        "runf create --bundle /srv/web web",
    ),
    "start": lambda: Command(
        "start", "Execute the program of a created container", "minimal API", (ID,), (), "runf start web"
    ),
    "state": lambda: Command(
        "state",
        "Print a container's state as JSON; of several, an array",
        "minimal API",
        (Argument("ID", many=True),),
        (),
        "runf state $(runf list -q)",
    ),
    "kill": lambda: Command(
        "kill",
        "Send a signal to a container's first process",
        "minimal API",
        (ID, Argument("SIGNAL", required=False)),
        (
            Option("signal", "text", "The signal, by name or number (default: TERM)", "minimal API", metavar="SIGNAL"),
            Option("all", "flag", "Signal every process of the container", short="a"),
            _REGEX,
        ),
        "runf kill web TERM",
    ),
    "delete": lambda: Command(
        "delete",
        "Remove a stopped container",
        "minimal API",
        (ID,),
        (Option("force", "flag", "Kill it first; fine if there is none", short="f"), _REGEX),
        "runf delete web",
    ),
    "exec": lambda: Command(
        "exec",
        "Run one more program in a container; wait for it, and pass its exit code on",
        "runc",
        (ID, Argument("COMMAND", required=False, many=True)),
        _added(),
        "runf exec --tty web sh",
        passing=True,
    ),
    "update": lambda: Command(
        "update",
        "Change the limits of a container; what isn't named stays as it is",
        "runc",
        (ID,),
        _limits(),
        "runf update --memory 512m --pids-limit 100 web",
    ),
    "pause": lambda: Command(
        "pause", "Stop all processes of a container where they are", "runc", (ID,), (), "runf pause web"
    ),
    "resume": lambda: Command(
        "resume", "Let the processes of a paused container go on", "runc", (ID,), (), "runf resume web"
    ),
    "checkpoint": lambda: Command(
        "checkpoint",
        "Write a container's processes to disk, with criu, and delete it",
        "runc",
        (ID,),
        (
            *_dumping(),
            Option("parent-path", "path", "Images of a pre-dump, as seen from the new ones", metavar="PATH"),
            Option("leave-running", "flag", "Let it run on, and keep it"),
            Option("pre-dump", "flag", "Write its memory only, in advance, and let it run on"),
            Option("tcp-skip-in-flight", "flag", "Leave TCP connections out that are not yet established"),
            Option("page-server", "text", "Send memory to criu's page server there", metavar="ADDRESS:PORT"),
            Option("status-fd", "text", "Told once criu waits to hand memory out", metavar="FD"),
        ),
        "runf checkpoint --image-path /srv/images web",
        hot=False,
    ),
    "restore": lambda: Command(
        "restore",
        "Begin a container's next life where its checkpoint ended",
        "runc",
        (ID,),
        (
            BUNDLE,
            *_dumping(),
            CONSOLE_SOCKET._replace(origin="runc"),
            Option("pid-file", "path", "Write the pid of the first process to FILE", metavar="FILE"),
            Option("detach", "flag", "Return once it runs, and leave it to you", short="d"),
            Option("no-subreaper", "flag", "Leave orphans of the container to somebody else"),
            Option("no-pivot", "flag", "Accepted for callers of runc; criu does that in its own way"),
            Option("tcp-close", "flag", "TCP connections come back closed", "crun"),
            Option("lsm-profile", "text", "As in apparmor:NAME, in place of the one it had", metavar="TYPE:NAME"),
            Option("lsm-mount-context", "text", "SELinux context of mounts, in place of theirs", metavar="CONTEXT"),
        ),
        "runf restore --detach --image-path /srv/images --bundle /srv/web web",
        hot=False,
    ),
    "wait": lambda: Command(
        "wait",
        "Wait until containers have ended, and print the exit code of each",
        "runf",
        (Argument("ID", many=True),),
        (),
        "runf wait web",
    ),
    "ps": lambda: Command(
        "ps",
        "List the processes of a container, by their pids on the host",
        "runc",
        (ID, Argument("PS-ARGUMENT", required=False, many=True)),
        (Option("format", "text", "How to print", short="f", choices=("table", "json"), default="table"),),
        "runf ps web -o pid,rss,comm",
        passing=True,
    ),
    "register": lambda: Command(
        "register",
        "As a hook of another runtime: enter its container into the state directory",
        "runf",
        (),
        (
            Option("runtime", "text", "The runtime's name (default: the calling program's)", "runf", metavar="NAME"),
            _TOLERANT,
        ),
        "runf register < state.json",
    ),
    "unregister": lambda: Command(
        "unregister",
        "Remove another runtime's container, which has ended, from the state directory",
        "runf",
        (Argument("ID", required=False),),
        (_TOLERANT,),
        "runf unregister < state.json",
    ),
    "list": lambda: Command(
        "list", "List the containers of the root", "runc", (), _listing(), "runf list --status running --format json"
    ),
    "run": lambda: Command(
        "run",
        "Create and start a container; wait for it, pass its exit code on, and delete it",
        "runc",
        (ID,),
        (
            *_making(),
            Option("detach", "flag", "Return once it runs, and leave it to you", short="d"),
            Option("keep", "flag", "Do not delete it when it has ended"),
            Option("no-subreaper", "flag", "Leave orphans of the container to somebody else"),
        ),
        "runf run --bundle /srv/job job-1",
    ),
    "spec": lambda: Command(
        "spec",
        "Write a config.json to start from",
        "runc",
        (Argument("COMMAND", required=False, many=True),),
        (
            BUNDLE,
            Option("rootless", "flag", "For an ordinary user: a user namespace, no privileges needed"),
            Option("host-usr", "flag", "No image needed: the host's /usr, read-only, in an empty root", "runf"),
        ),
        "runf spec --rootless --host-usr -- sh -c 'echo hello'",
        hot=False,
    ),
    "validate": lambda: Command(
        "validate",
        "Tell everything that is wrong with a bundle, a config.json, a state.json, or a whole state root",
        "runf",
        (Argument("PATH", required=False, many=True),),
        (Option("format", "text", "How to print", "runf", "f", choices=("text", "json"), default="text"),),
        "runf validate /srv/web /run/opencontainer/containers",
        hot=False,
    ),
    "events": lambda: Command(
        "events",
        "Print what happens to containers, one line of JSON for each event; with an ID what that one uses",
        "runf",
        (Argument("ID", required=False),),
        (
            Option("stats", "flag", "Print what the container ID uses now, and end"),
            Option("interval", "text", "Print that at this interval, and when it is out of memory", metavar="DURATION"),
            Option("socket", "path", "The watcher's socket (default: that of the root)", "runf", metavar="PATH"),
            Option("after", "text", "Go on after this cursor, from an event's `cursor`", "runf", metavar="CURSOR"),
            Option("id", "list", "Only events of this container", "runf", metavar="ID"),
            Option("prefix", "list", "Only events of containers whose ids begin so", "runf", metavar="TEXT"),
            Option("status", "list", "Only events that leave a container so", "runf", choices=STATUSES),
            Option("annotation", "list", "Only events of containers with this one", "runf", metavar="KEY[=VALUE]"),
            Option("owner", "list", "Only events of this user's containers", "runf", metavar="NAME"),
            Option("runtime", "list", "Only events of this runtime's containers", "runf", metavar="NAME"),
            Option("exit", "list", "Only events of containers that ended so", "runf", metavar="CODE|failed|unknown"),
            Option("type", "list", "Only events of this type, such as stopped", "runf", metavar="TYPE"),
            Option("text", "flag", "Print a line for people instead of JSON", "runf"),
            Option("until", "text", "End after the first event of this type, such as deleted", "runf", metavar="TYPE"),
        ),
        "runf events --text",
    ),
    "features": lambda: Command("features", "Print what this runtime can do, as JSON", "runc", (), (), "runf features"),
    "top": lambda: Command(
        "top",
        "Show what containers use, again and again, until you press q",
        "runf",
        (),
        (
            Option("interval", "text", "Look again after this time (default: 2s)", "runf", metavar="DURATION"),
            Option("once", "flag", "Print it once, and end; so it is too where the output is no terminal", "runf"),
            *_many(),
        ),
        "runf top --status running",
        hot=False,
    ),
    "help": lambda: Command(
        "help",
        "Show how to use runf, or one of its commands",
        "runc",
        (Argument("COMMAND", required=False),),
        (),
        "runf help run",
        hot=False,
    ),
    "completion": lambda: Command(
        "completion",
        "Print the script that makes a shell complete runf's commands",
        "runf",
        (Argument("SHELL", choices=SHELLS),),
        (),
        "runf completion bash > ~/.local/share/bash-completion/completions/runf",
        hot=False,
    ),
}
NAMES = tuple(_COMMANDS)


def find_command(name: str) -> Command | None:
    """The command of that name."""
    make = _COMMANDS.get(name)
    return make() if make else None


def all_commands() -> tuple[Command, ...]:
    """All of them, in the order in which help shows them."""
    return tuple(make() for make in _COMMANDS.values())
