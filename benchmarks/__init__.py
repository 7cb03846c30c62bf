"""What a session costs: ours, a bare relay and a stock pipecat pipeline under the same load, side by side."""
