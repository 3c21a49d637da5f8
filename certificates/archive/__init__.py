"""The archive of a closed case 归档包: made of plain files, checked without the hub."""
