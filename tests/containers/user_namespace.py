#!/usr/bin/python3
"""Runs a command in a user namespace of its own, as a container engine would, and as who is named.

    user_namespace.py UID_MAP GID_MAP UID GID[,GID...] COMMAND...

A map is of the form INSIDE:OUTSIDE:COUNT[,...]. Needs root: only root writes any map it likes.
"""

import ctypes
import os
import sys

CLONE_NEWUSER = 0x10000000


def unshare_user():
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(CLONE_NEWUSER) != 0:
        raise OSError(ctypes.get_errno(), "unshare")


def main():
    uid_map, gid_map, uid, gids, *command = sys.argv[1:]
    made, made_write = os.pipe()
    mapped, mapped_write = os.pipe()
    parent = os.getpid()
    child = os.fork()
    if child == 0:
        # It stays outside, and writes the maps of the one who goes in and becomes the command.
        os.close(made_write)
        os.read(made, 1)
        for kind, ranges in (("uid", uid_map), ("gid", gid_map)):
            with open(f"/proc/{parent}/{kind}_map", "w", encoding="ascii") as file:
                file.write(ranges.replace(":", " ").replace(",", "\n") + "\n")
        os.write(mapped_write, b".")
        os._exit(0)
    os.close(mapped_write)
    unshare_user()
    os.write(made_write, b".")
    if os.read(mapped, 1) != b".":
        sys.exit("the maps cannot be written")
    os.waitpid(child, 0)
    groups = [int(gid) for gid in gids.split(",")]
    os.setgroups(groups)
    os.setgid(groups[0])
    os.setuid(int(uid))
    os.execvp(command[0], command)


main()
