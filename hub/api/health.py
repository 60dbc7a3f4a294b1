from flask import Blueprint

blueprint = Blueprint("api_health", __name__, url_prefix="/api/v1")
