echo "00:00.0 Host bridge: Intel Corporation 440FX - 82441FX PMC [Natoma]"
echo "00:05.0 3D controller: NVIDIA Corporation GA102GL [A40] (rev a1)"
