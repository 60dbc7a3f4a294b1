from flask import Blueprint

blueprint = Blueprint("api_support", __name__, url_prefix="/api/v1")
