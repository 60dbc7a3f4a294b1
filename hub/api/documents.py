from flask import Blueprint

blueprint = Blueprint("api_documents", __name__, url_prefix="/api/v1")
