"""A pod of a Kubernetes manifest, as words for podman: what stands there is what is run.

Of a pod it knows what our manifests use, and refuses the rest. Probes are run by the test.
"""

import os
import pathlib

import harness
import yaml

FOLDER = harness.SOURCE_DIR / "packaging/kubernetes"
# What another party does: the kubelet, the scheduler, the registry.
POD_KNOWN = {"automountServiceAccountToken", "enableServiceLinks", "priorityClassName", "tolerations",
             "terminationGracePeriodSeconds", "securityContext", "initContainers", "containers",
             "volumes"}
CONTAINER_KNOWN = {"name", "image", "command", "env", "securityContext", "startupProbe", "livenessProbe",
                   "resources", "volumeMounts", "restartPolicy"}


def read(name):
    return list(yaml.safe_load_all((FOLDER / name).read_text(encoding="utf-8")))


class Pod:
    """`folder` stands for the node: volumes lie in it."""

    def __init__(self, name, folder):
        documents = read(name)
        self.spec = next(d for d in documents if d["kind"] in ("DaemonSet", "Deployment"))["spec"][
            "template"]["spec"]
        if unknown := set(self.spec) - POD_KNOWN:
            raise AssertionError(f"{name}: {unknown} is not run here")
        self.folder = pathlib.Path(folder)
        for volume in self.spec["volumes"]:
            place = self.folder / volume["name"]
            if "configMap" in volume:
                place.mkdir()
                config = next(d for d in documents if d["kind"] == "ConfigMap"
                              and d["metadata"]["name"] == volume["configMap"]["name"])
                for file, text in config["data"].items():
                    (place / file).write_text(text, encoding="utf-8")
            elif "hostPath" in volume:
                place.mkdir(mode=0o755)  # as the kubelet makes it: root's
            else:
                place.mkdir()
                os.chown(place, 0, self.spec["securityContext"]["fsGroup"])
                place.chmod(0o2777)  # as the kubelet makes an emptyDir with an fsGroup

    def container(self, name):
        return next(c for c in self.spec.get("initContainers", []) + self.spec["containers"]
                    if c["name"] == name)

    def options(self, name, env):
        """Options of `podman run`, and the words after the image. `env`: values of the secret."""
        container = self.container(name)
        if unknown := set(container) - CONTAINER_KNOWN:
            raise AssertionError(f"{name}: {unknown} is not run here")
        security = dict(container["securityContext"])
        options = ["--user", f"{security.pop('runAsUser')}:{security.pop('runAsGroup')}"]
        if group := self.spec["securityContext"].get("fsGroup"):
            options += ["--group-add", str(group)]
        if security.pop("readOnlyRootFilesystem"):
            options += ["--read-only", "--read-only-tmpfs=false"]
        if not security.pop("allowPrivilegeEscalation"):
            options += ["--security-opt", "no-new-privileges"]
        for word, sign in (("drop", "--cap-drop"), ("add", "--cap-add")):
            for capability in security["capabilities"].get(word, []):
                options += [sign, capability]
        del security["capabilities"]
        security.pop("runAsNonRoot", None)
        if security:
            raise AssertionError(f"{name}: {set(security)} is not run here")
        if self.spec.get("enableServiceLinks", True):
            options += ["--env", "REDIS_PORT=tcp://10.96.0.17:6379"]  # beside a Service named redis
        for variable in container.get("env", []):
            options += ["--env", f"{variable['name']}={env[variable['name']]}"]
        for mount in container["volumeMounts"]:
            how = ":ro" if mount.get("readOnly") else ""
            options += ["--volume", f"{self.folder / mount['name']}:{mount['mountPath']}{how}"]
        command = container.get("command", [])
        if command:
            options += ["--entrypoint", command[0]]
        return options, command[1:]
