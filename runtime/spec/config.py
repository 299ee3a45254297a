"""The types of config.json as it comes out of the schema; for type checkers only.

At run time a config is the plain dictionary that the JSON text holds.  What carries no ``Required`` may be
absent; nothing is ever null.  Source: runtime-spec, config.md and config-linux.md, version 1.3.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Literal, NotRequired, Required, TypedDict

    NamespaceType = Literal["pid", "network", "mount", "ipc", "uts", "user", "cgroup", "time"]
    HookKind = Literal["prestart", "createRuntime", "createContainer", "startContainer", "poststart", "poststop"]

    class Root(TypedDict, total=False):
        path: Required[str]
        readonly: bool

    class IdMapping(TypedDict):
        containerID: int
        hostID: int
        size: int

    class Mount(TypedDict, total=False):
        destination: Required[str]
        type: str
        source: str
        options: list[str]
        uidMappings: list[IdMapping]
        gidMappings: list[IdMapping]

    class ConsoleSize(TypedDict):
        height: int
        width: int

    class User(TypedDict, total=False):
        uid: Required[int]
        gid: Required[int]
        umask: int
        additionalGids: list[int]

    class Rlimit(TypedDict):
        type: str
        soft: int
        hard: int

    class Capabilities(TypedDict, total=False):
        bounding: list[str]
        effective: list[str]
        inheritable: list[str]
        permitted: list[str]
        ambient: list[str]

    class Scheduler(TypedDict, total=False):
        policy: Required[str]
        nice: int
        priority: int
        flags: list[str]
        runtime: int
        deadline: int
        period: int

    IoPriority = TypedDict("IoPriority", {"class": str, "priority": NotRequired[int]})

    class ExecCpuAffinity(TypedDict, total=False):
        initial: str
        final: str

    class Process(TypedDict, total=False):
        terminal: bool
        consoleSize: ConsoleSize
        cwd: Required[str]
        env: list[str]
        args: Required[list[str]]
        user: User
        rlimits: list[Rlimit]
        capabilities: Capabilities
        noNewPrivileges: bool
        oomScoreAdj: int
        apparmorProfile: str
        selinuxLabel: str
        scheduler: Scheduler
        ioPriority: IoPriority
        execCPUAffinity: ExecCpuAffinity

    class Hook(TypedDict, total=False):
        path: Required[str]
        args: list[str]
        env: list[str]
        timeout: int

    class Hooks(TypedDict, total=False):
        prestart: list[Hook]
        createRuntime: list[Hook]
        createContainer: list[Hook]
        startContainer: list[Hook]
        poststart: list[Hook]
        poststop: list[Hook]

    class Namespace(TypedDict, total=False):
        type: Required[NamespaceType]
        path: str

    class TimeOffset(TypedDict, total=False):
        secs: int
        nanosecs: int

    class Device(TypedDict, total=False):
        type: Required[Literal["c", "b", "u", "p"]]
        path: Required[str]
        major: int
        minor: int
        fileMode: int
        uid: int
        gid: int

    class NetDevice(TypedDict, total=False):
        name: str

    class DeviceRule(TypedDict, total=False):
        allow: Required[bool]
        type: Literal["a", "b", "c"]
        major: int
        minor: int
        access: str

    class Memory(TypedDict, total=False):
        limit: int
        reservation: int
        swap: int
        kernel: int
        kernelTCP: int
        swappiness: int
        disableOOMKiller: bool
        useHierarchy: bool
        checkBeforeUpdate: bool

    class Cpu(TypedDict, total=False):
        shares: int
        quota: int
        burst: int
        period: int
        realtimeRuntime: int
        realtimePeriod: int
        cpus: str
        mems: str
        idle: int

    class Pids(TypedDict, total=False):
        limit: int

    class WeightDevice(TypedDict, total=False):
        major: Required[int]
        minor: Required[int]
        weight: int
        leafWeight: int

    class ThrottleDevice(TypedDict):
        major: int
        minor: int
        rate: int

    class BlockIO(TypedDict, total=False):
        weight: int
        leafWeight: int
        weightDevice: list[WeightDevice]
        throttleReadBpsDevice: list[ThrottleDevice]
        throttleWriteBpsDevice: list[ThrottleDevice]
        throttleReadIOPSDevice: list[ThrottleDevice]
        throttleWriteIOPSDevice: list[ThrottleDevice]

    class HugepageLimit(TypedDict):
        pageSize: str
        limit: int

    class InterfacePriority(TypedDict):
        name: str
        priority: int

    class Network(TypedDict, total=False):
        classID: int
        priorities: list[InterfacePriority]

    class Rdma(TypedDict, total=False):
        hcaHandles: int
        hcaObjects: int

    class Resources(TypedDict, total=False):
        devices: list[DeviceRule]
        memory: Memory
        cpu: Cpu
        pids: Pids
        blockIO: BlockIO
        hugepageLimits: list[HugepageLimit]
        network: Network
        rdma: dict[str, Rdma]
        unified: dict[str, str]

    class Personality(TypedDict, total=False):
        domain: Required[Literal["LINUX", "LINUX32"]]
        flags: list[str]

    class IntelRdt(TypedDict, total=False):
        closID: str
        schemata: list[str]
        l3CacheSchema: str
        memBwSchema: str
        enableMonitoring: bool

    class MemoryPolicy(TypedDict, total=False):
        mode: Required[str]
        nodes: str
        flags: list[str]

    class SeccompArgument(TypedDict, total=False):
        index: Required[int]
        value: Required[int]
        valueTwo: int
        op: Required[str]

    class SeccompRule(TypedDict, total=False):
        names: Required[list[str]]
        action: Required[str]
        errnoRet: int
        args: list[SeccompArgument]

    class Seccomp(TypedDict, total=False):
        defaultAction: Required[str]
        defaultErrnoRet: int
        architectures: list[str]
        flags: list[str]
        listenerPath: str
        listenerMetadata: str
        syscalls: list[SeccompRule]

    class Linux(TypedDict, total=False):
        namespaces: list[Namespace]
        uidMappings: list[IdMapping]
        gidMappings: list[IdMapping]
        timeOffsets: dict[str, TimeOffset]
        devices: list[Device]
        netDevices: dict[str, NetDevice]
        cgroupsPath: str
        resources: Resources
        sysctl: dict[str, str]
        seccomp: Seccomp
        rootfsPropagation: str
        maskedPaths: list[str]
        readonlyPaths: list[str]
        mountLabel: str
        personality: Personality
        intelRdt: IntelRdt
        memoryPolicy: MemoryPolicy

    class Config(TypedDict, total=False):
        ociVersion: Required[str]
        root: Required[Root]
        mounts: list[Mount]
        process: Required[Process]
        hostname: str
        domainname: str
        hooks: Hooks
        annotations: dict[str, str]
        linux: Linux
        vm: dict[str, object]
