"""Upscalers that are made of another one."""

from __future__ import annotations

from bench.roles import Upscaler


class Around:
    """Has the scale and takes the channels of the upscaler inside."""

    upscaler: Upscaler

    @property
    def scale(self) -> int:
        return self.upscaler.scale

    @property
    def channels(self) -> int | None:
        return self.upscaler.channels
