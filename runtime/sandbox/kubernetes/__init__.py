"""Sandboxes as pods of a Kubernetes cluster. Needs the extra `policyc[kubernetes]`."""

from policyc.runtime.sandbox.kubernetes.provider import KubernetesProvider

__all__ = ["KubernetesProvider"]
