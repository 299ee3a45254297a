"""Generated from schemas/state.schema.json by schemas/generate.py: edit that, and run `python -m schemas.generate`.

PATTERN matches a valid record's text as it is written, and nothing that is no valid record; GROUPS are its groups.
"""

# ruff: noqa
# fmt: off

from __future__ import annotations

GROUPS = ('id', 'pid', 'status', 'bundle', 'created', 'owner', 'instance', 'generation', 'runtime', 'exit', 'process', 'process/pid', 'process/startTime', 'process/bootId', 'process/pidNamespace', 'process/timeNamespace', 'maker', 'starter', 'linux/cgroup', 'transitions', 'transitionsDropped', 'execs', 'execsDropped')
CODE = b""  # PATTERN as re compiles it, which the installation has instead: hatch_build.py
PATTERN = (
    '\\{\\n  "ociVersion": "[]-~#-[ !]{1,64}+",'
    '\\n  "id": "([A-Za-z0-9_+.-]{1,200}+)",'
    '\\n  "pid": ((?:0|(?:[1-3][0-9]{6}|[1-9][0-9]{0,5}+))),'
    '\\n  "status": "((?:creating|created|running|paused|stopped))",'
    '\\n  "bundle": "(/[]-~#-[ !]{0,4095}+)",'
    '\\n  "rootfs": "/[]-~#-[ !]{0,4095}+",'
    '\\n  "created": "([0-9]{4}+-[0-9]{2}+-[0-9]{2}+T[0-9]{2}+:[0-9]{2}+:[0-9]{2}+[.][0-9]{9}+Z)",'
    '\\n  "annotations": \\{(?:\\n    "[]-~#-[ !]{0,}+": "[]-~#-[ !]{0,}+"(?:,'
    '\\n    "[]-~#-[ !]{0,}+": "[]-~#-[ !]{0,}+")*+\\n  )?+\\},'
    '\\n  "owner": "([]-~#-[ !]{1,256}+)",'
    '\\n  "schemaVersion": "1\\.0",'
    '\\n  "instance": "([0-9a-f]{32}+)",'
    '\\n  "generation": ([1-9][0-9]{0,17}+),'
    '\\n  "runtime": (\\{\\n    "name": "[]-~#-[ !]{1,64}+",'
    '\\n    "version": (?:null|"[]-~#-[ !]{0,64}+")\\n  \\}),'
    '\\n  "started": (?:null|"[0-9]{4}+-[0-9]{2}+-[0-9]{2}+T[0-9]{2}+:[0-9]{2}+:[0-9]{2}+[.][0-9]{9}+Z"),'
    '\\n  "finished": (?:null|"[0-9]{4}+-[0-9]{2}+-[0-9]{2}+T[0-9]{2}+:[0-9]{2}+:[0-9]{2}+[.][0-9]{9}+Z"),'
    '\\n  "finishedPrecision": (?:null|"exact"|"observed"),'
    '\\n  "exit": (\\{\\n    "code": (?:null|(?:0|(?:[1-1][0-9]{2}|[1-9][0-9]{0,1}+))),'
    '\\n    "signal": (?:null|(?:[1-5][0-9]{1}|[1-9][0-9]{0,0}+)),'
    '\\n    "oomKilled": (?:null|(?:true|false))\\n  \\}),'
    '\\n  "process": ((?:null|\\{\\n    "pid": ((?:[1-3][0-9]{6}|[1-9][0-9]{0,5}+)),'
    '\\n    "startTime": ((?:0|[1-9][0-9]{0,17}+)),'
    '\\n    "bootId": "([0-9a-f-]{36}+)",'
    '\\n    "pidNamespace": ([1-9][0-9]{0,17}+),'
    '\\n    "timeNamespace": ([1-9][0-9]{0,17}+)\\n  \\})),'
    '\\n  "maker": ((?:null|\\{\\n    "pid": (?:[1-3][0-9]{6}|[1-9][0-9]{0,5}+),'
    '\\n    "startTime": (?:0|[1-9][0-9]{0,17}+),'
    '\\n    "bootId": "[0-9a-f-]{36}+",'
    '\\n    "pidNamespace": [1-9][0-9]{0,17}+,'
    '\\n    "timeNamespace": [1-9][0-9]{0,17}+\\n  \\})),'
    '\\n  "starter": ((?:null|\\{\\n    "pid": (?:[1-3][0-9]{6}|[1-9][0-9]{0,5}+),'
    '\\n    "startTime": (?:0|[1-9][0-9]{0,17}+),'
    '\\n    "bootId": "[0-9a-f-]{36}+",'
    '\\n    "pidNamespace": [1-9][0-9]{0,17}+,'
    '\\n    "timeNamespace": [1-9][0-9]{0,17}+\\n  \\})),'
    '\\n  "fault": (?:null|"[]-~#-[ !]{0,4096}+"),'
    '\\n  "linux": \\{\\n    "cgroup": ((?:null|\\{\\n      "version": (?:1|2),'
    '\\n      "paths": \\{(?:\\n        "[]-~#-[ !]{0,}+": "/[]-~#-[ !]{0,4095}+"(?:,'
    '\\n        "[]-~#-[ !]{0,}+": "/[]-~#-[ !]{0,4095}+")*+\\n      )?+\\},'
    '\\n      "scope": (?:null|"[]-~#-[ !]{0,256}+")\\n    \\})),'
    '\\n    "namespaces": \\{(?:\\n      "[]-~#-[ !]{0,}+": [1-9][0-9]{0,17}+(?:,'
    '\\n      "[]-~#-[ !]{0,}+": [1-9][0-9]{0,17}+)*+\\n    )?+\\}(?:,'
    '\\n    "oomKills": [1-9][0-9]{0,17}+)?+\\n  \\},'
    '\\n  "transitions": (\\[(?:\\n    \\{"generation": [1-9][0-9]{0,17}+, "n": (?:0|[1-9][0-9]{0,17}+), "time": "[0-9]{4}+-[0-9]{2}+-[0-9]{2}+T[0-9]{2}+:[0-9]{2}+:[0-9]{2}+[.][0-9]{9}+Z", "type": "(?:creating|created|started|paused|resumed|updated|checkpointed|stopped|exit|deleted|oom|failed)", "status": "(?:creating|created|running|paused|stopped)"\\}(?:,'
    '\\n    \\{"generation": [1-9][0-9]{0,17}+, "n": (?:0|[1-9][0-9]{0,17}+), "time": "[0-9]{4}+-[0-9]{2}+-[0-9]{2}+T[0-9]{2}+:[0-9]{2}+:[0-9]{2}+[.][0-9]{9}+Z", "type": "(?:creating|created|started|paused|resumed|updated|checkpointed|stopped|exit|deleted|oom|failed)", "status": "(?:creating|created|running|paused|stopped)"\\}){0,63}+\\n  )?+\\]),'
    '\\n  "transitionsDropped": ((?:0|[1-9][0-9]{0,17}+)),'
    '\\n  "execs": (\\[(?:\\n    \\{"process": \\{"pid": (?:[1-3][0-9]{6}|[1-9][0-9]{0,5}+), "startTime": (?:0|[1-9][0-9]{0,17}+), "bootId": "[0-9a-f-]{36}+", "pidNamespace": [1-9][0-9]{0,17}+, "timeNamespace": [1-9][0-9]{0,17}+\\}, "started": \\{"generation": [1-9][0-9]{0,17}+, "n": (?:0|[1-9][0-9]{0,17}+), "time": "[0-9]{4}+-[0-9]{2}+-[0-9]{2}+T[0-9]{2}+:[0-9]{2}+:[0-9]{2}+[.][0-9]{9}+Z"\\}, "ended": (?:null|\\{"generation": [1-9][0-9]{0,17}+, "n": (?:0|[1-9][0-9]{0,17}+), "time": "[0-9]{4}+-[0-9]{2}+-[0-9]{2}+T[0-9]{2}+:[0-9]{2}+:[0-9]{2}+[.][0-9]{9}+Z"\\}), "exit": \\{"code": (?:null|(?:0|(?:[1-1][0-9]{2}|[1-9][0-9]{0,1}+))), "signal": (?:null|(?:[1-5][0-9]{1}|[1-9][0-9]{0,0}+)), "oomKilled": (?:null|(?:true|false))\\}\\}(?:,'
    '\\n    \\{"process": \\{"pid": (?:[1-3][0-9]{6}|[1-9][0-9]{0,5}+), "startTime": (?:0|[1-9][0-9]{0,17}+), "bootId": "[0-9a-f-]{36}+", "pidNamespace": [1-9][0-9]{0,17}+, "timeNamespace": [1-9][0-9]{0,17}+\\}, "started": \\{"generation": [1-9][0-9]{0,17}+, "n": (?:0|[1-9][0-9]{0,17}+), "time": "[0-9]{4}+-[0-9]{2}+-[0-9]{2}+T[0-9]{2}+:[0-9]{2}+:[0-9]{2}+[.][0-9]{9}+Z"\\}, "ended": (?:null|\\{"generation": [1-9][0-9]{0,17}+, "n": (?:0|[1-9][0-9]{0,17}+), "time": "[0-9]{4}+-[0-9]{2}+-[0-9]{2}+T[0-9]{2}+:[0-9]{2}+:[0-9]{2}+[.][0-9]{9}+Z"\\}), "exit": \\{"code": (?:null|(?:0|(?:[1-1][0-9]{2}|[1-9][0-9]{0,1}+))), "signal": (?:null|(?:[1-5][0-9]{1}|[1-9][0-9]{0,0}+)), "oomKilled": (?:null|(?:true|false))\\}\\}){0,31}+\\n  )?+\\]),'
    '\\n  "execsDropped": ((?:0|[1-9][0-9]{0,17}+))\\n\\}\\n'
)
