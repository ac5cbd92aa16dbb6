"""Runs functions of a workbook's macros in a private LibreOffice; started by its own Python, which has the module uno.

Arguments: the program soffice, a folder for the profile, the workbook, and the names of the functions; prints JSON.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import uno
from com.sun.star.beans import PropertyValue
from com.sun.star.connection import NoConnectException

ALWAYS_EXECUTE = 4  # com.sun.star.document.MacroExecMode.ALWAYS_EXECUTE_NO_WARN
PATIENCE, PAUSE = 60.0, 0.2  # seconds


def option(name: str, value: object) -> PropertyValue:
    """A named property."""
    made = PropertyValue()
    made.Name, made.Value = name, value
    return made


def main(soffice: str, folder: str, file: str, *functions: str) -> None:
    """Open, run, print."""
    pipe = f"xlmargin-{os.getpid()}"
    process = subprocess.Popen(
        [soffice, "--headless", "--norestore", f"-env:UserInstallation={Path(folder).as_uri()}", f"--accept=pipe,name={pipe};urp;"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        resolver = uno.getComponentContext().ServiceManager.createInstance("com.sun.star.bridge.UnoUrlResolver")
        start = time.monotonic()
        while True:
            try:
                context = resolver.resolve(f"uno:pipe,name={pipe};urp;StarOffice.ComponentContext")
                break
            except NoConnectException:
                if time.monotonic() - start > PATIENCE:
                    raise
                time.sleep(PAUSE)
        desktop = context.ServiceManager.createInstanceWithContext("com.sun.star.frame.Desktop", context)
        document = desktop.loadComponentFromURL(
            Path(file).as_uri(), "_blank", 0, (option("Hidden", True), option("MacroExecutionMode", ALWAYS_EXECUTE))
        )
        scripts = document.getScriptProvider()
        address = "vnd.sun.star.script:VBAProject.{}?language=Basic&location=document"
        answers = {name: scripts.getScript(address.format(name)).invoke((), (), ())[0] for name in functions}
        print(json.dumps({"answers": answers, "modules": sorted(document.BasicLibraries.getByName("VBAProject").ElementNames)}))
        document.close(True)
    finally:
        os.killpg(process.pid, signal.SIGKILL)  # the program is a script that starts another
        process.wait()


if __name__ == "__main__":
    main(*sys.argv[1:])
