"""A monitor without a dependency: tells how each container ended, and goes on where it left off.

usage: monitor.py [SOCKET]
"""

import http.client, json, socket, sys, time

PATH = sys.argv[1] if len(sys.argv) > 1 else "/run/opencontainer/watcher.sock"
cursor = ""
while True:
    client = http.client.HTTPConnection("runf")
    client.sock = socket.socket(socket.AF_UNIX)
    try:
        client.sock.connect(PATH)
        client.request("GET", f"/v1/events?after={cursor}" if cursor else "/v1/events")
        answer = client.getresponse()
        cursor = "" if answer.status == 410 else cursor  # what it points to is kept no longer: start anew
        for line in answer if answer.status == 200 else ():
            event = json.loads(line)
            if event["type"] == "org.runf.container.stopped.v1":
                print(event["subject"], "ended with exit code", event["data"]["exit"]["code"], flush=True)
            cursor = event.get("cursor", cursor)
    except (OSError, http.client.HTTPException):
        pass  # the watcher is not there, or has just gone
    time.sleep(1)
