"""Who stands in front of the cabinet: hurried, clumsy, hostile. Start reading at visitor.py, what one can do there;
manners.py is what they do."""
