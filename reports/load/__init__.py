"""What a report is made from: results files, times that were published with the suite, and what the paper prints."""
