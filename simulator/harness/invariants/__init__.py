"""What must always hold, each rule a check with a number, asked at the moment when something happens.
Start reading at all_checks.py; truth.py beside this folder is what they compare with."""
