"""The folder of a fuzzing campaign in; a page that refreshes itself, findings.json and findings.sarif out."""

from reports.campaign.load import CampaignResults, load_campaign
from reports.campaign.write import write_campaign

__all__ = ["CampaignResults", "load_campaign", "write_campaign"]
