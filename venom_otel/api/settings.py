"""`/api/v1/settings`: what is configured, and from where; secrets masked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from venom_otel.services.in_force import Source  # noqa: TC001 - pydantic reads the annotations

if TYPE_CHECKING:
    from venom_otel.services.in_force import InForce

_SETTING: Final[dict[str, Any]] = {
    "variable": "OLLAMA_ENDPOINT",
    "value": "http://localhost:11434",
    "source": ".env",
    "description": "Address of Ollama.",
    "secret": False,
}


class Setting(BaseModel):
    """One setting as it holds now."""

    model_config = ConfigDict(json_schema_extra={"example": _SETTING})

    variable: str
    value: str | None = Field(description="As one would write it, credentials masked; null where it says nothing.")
    source: Source = Field(description="Where it comes from: an option of the command, the environment, the file `.env`, or the default.")
    description: str
    secret: bool = Field(description="Whether `value` is `***` for whatever it is.")


class Section(BaseModel):
    """Settings about one thing."""

    name: str
    settings: list[Setting]


class Settings(BaseModel):
    """All settings of `venom-otel up`."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "version": "0.1.0",
                "page": "http://127.0.0.1:8765",
                "otlp": "http://127.0.0.1:4318",
                "otlp_grpc": "http://127.0.0.1:4317",
                "data_dir": "/var/lib/venom-otel",
                "env_file": "/srv/app/.env",
                "sections": [{"name": "Model servers", "settings": [_SETTING]}],
            }
        }
    )

    version: str
    page: str
    otlp: str = Field(description="Where OTLP is taken over HTTP.")
    otlp_grpc: str | None = Field(description="Where it is taken over gRPC; null where it is not.")
    data_dir: str
    env_file: str = Field(description="The file that is read at the start, where it is there.")
    sections: list[Section]


def settings_router(in_force: InForce) -> APIRouter:
    """The route over the settings of this process."""
    router = APIRouter(tags=["settings"])

    @router.get("/settings")
    async def settings() -> Settings:
        """What is configured, and from where. Changed where it was set, and with the next start; but the model, which is activated."""
        here = in_force.installation
        return Settings(
            version=here.version,
            page=here.page,
            otlp=here.otlp,
            otlp_grpc=here.otlp_grpc,
            data_dir=str(here.data_dir),
            env_file=str(here.env_file),
            sections=[
                Section(
                    name=section.name,
                    settings=[
                        Setting(
                            variable=one.variable,
                            value=one.value or None,
                            source=one.source,
                            description=one.description,
                            secret=one.secret,
                        )
                        for one in section.settings
                    ],
                )
                for section in in_force.now()
            ],
        )

    return router
